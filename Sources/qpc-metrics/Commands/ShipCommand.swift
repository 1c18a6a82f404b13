import ArgumentParser
import Doctor
import Exporter
import Glibc
import MetricsModel
import MetricsQuery
import PrometheusText
import Shipping
import Terminal
import TimeWords

struct ShipCommand: ParsableCommand {
    enum Action: String, CaseIterable, ExpressibleByArgument {
        case schema
        case verify
    }

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "ship",
        abstract: "Sends the log to a ClickHouse server that holds the whole fleet.",
        discussion: """
            Sends each event once, in order, and ends; with --follow it then waits for more, until Ctrl-C. How far it got is in \
            the cursor file, which must survive restarts; without it, the server is asked what it has. Pseudonyms are sent as the \
            log has them; names never.

            'ship schema' prints the statements that make the tables; with --apply it runs them.

            'ship verify' compares what has been sent with the log: by kind and day, how many events there are and a checksum of \
            them, and where these differ, each row. Exits with 1 if something differs, with 69 if the server cannot be asked.

            EXAMPLES
              qpc-metrics ship schema --apply --to clickhouse+http://admin@db:8123/qpc
              qpc-metrics ship --to clickhouse+http://qpc@db:8123/qpc --password-file p
              qpc-metrics ship -f --to clickhouse+https://qpc@db:8443/qpc --server chat-1
              qpc-metrics ship verify --to clickhouse+http://qpc@db:8123/qpc
            """)

    @Argument(help: ArgumentHelp("Nothing to send events, 'schema' or 'verify'.", valueName: "action"))
    var action: Action?

    @OptionGroup var directory: DirectoryOptions

    @Option(
        help: ArgumentHelp("The server: clickhouse+http://user@host:8123/database, or clickhouse+https://.", valueName: "url"))
    var to: String

    @Option(
        name: .customLong("password-file"), help: ArgumentHelp("A file that holds the user's password.", valueName: "file"),
        completion: .file())
    var passwordFile: String?

    @Option(
        name: .customLong("ca-file"),
        help: ArgumentHelp("Trust the authorities in this PEM file, not the system's, for https.", valueName: "file"),
        completion: .file())
    var authorityFile: String?

    @Option(help: ArgumentHelp("This server's name in the rows (default: the host's name).", valueName: "name"))
    var server: String?

    @Flag(name: [.customShort("f"), .long], help: "Wait for more events, until Ctrl-C.")
    var follow = false

    @Option(help: ArgumentHelp("With --follow, the time between two looks at the log (default: 1s).", valueName: "time"))
    var interval: String?

    @Option(
        name: .customLong("cursor-file"),
        help: ArgumentHelp(
            "Where to keep how far it got (default: qpc-metrics-ship.cursor in $STATE_DIRECTORY, otherwise here).",
            valueName: "file"), completion: .file())
    var cursorFile: String?

    @Option(
        help: ArgumentHelp("Serve the shipper's own metrics to Prometheus here, such as 127.0.0.1:10121.", valueName: "host:port")
    )
    var listen: String?

    @Flag(help: "With schema: make the tables.")
    var apply = false

    @Option(
        help: ArgumentHelp("With verify: compare from this time's day on (UTC), for a server that keeps less.", valueName: "time")
    )
    var since: String?

    @Option(
        name: .shortAndLong, help: ArgumentHelp("With verify: the format of the output (default: text).", valueName: "format"))
    var output: Format?

    func run() throws {
        let target = try target()
        let client = ClickHouse(target, password: try password(), authorityFile: authorityFile)
        switch action {
        case .schema: try schema(client)
        case .verify: try verify(client)
        case nil: try ship(client)
        }
    }

    // MARK: Options

    private func target() throws -> ShipTarget {
        do {
            return try ShipTarget(to)
        } catch {
            switch error {
            case .notAnAddress:
                throw Failure.invalid(to, for: "--to", "expected a URL like clickhouse+http://user@host:8123/database")
            case .hasPassword:
                throw Failure(
                    Failure.usage,
                    "the URL for --to has a password, which everybody on this machine can see; give it with --password-file")
            case .badDatabase(let name):
                throw Failure.invalid(
                    name, for: "--to", "expected a database's name of letters, digits and underscores after the port")
            }
        }
    }

    private func password() throws -> String {
        guard let path = passwordFile else { return "" }
        guard let file = fopen(path, "re") else {
            let code = errno == EACCES ? Failure.noPermission : Failure.noInput
            throw Failure(code, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1025)
        guard fgets(&line, Int32(line.count), file) != nil else {
            throw Failure(Failure.noInput, "\(path) is empty; expected a password in its first line")
        }
        let bytes = line.prefix { $0 != 0 && $0 != 10 && $0 != 13 }.map { UInt8(bitPattern: $0) }
        guard !bytes.isEmpty, bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw Failure(
                Failure.noInput, "\(path) holds no password: expected one in its first line, without control characters")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func name() throws -> String {
        if let server {
            guard (1...255).contains(server.utf8.count), server.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw Failure.invalid(server, for: "--server", "expected a name of 1 to 255 bytes, such as chat-1")
            }
            return server
        }
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, 255) == 0, name[0] != 0 else {
            throw Failure(Failure.usage, "this host has no name; give one with --server")
        }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func pause() throws -> Int64 {
        guard let interval else { return 1_000_000 }
        guard follow else { throw Failure(Failure.usage, "--interval needs --follow") }
        do throws(ExpressionError) {
            let microseconds = try DurationExpression.parse(interval)
            if (100_000...3_600_000_000).contains(microseconds) { return microseconds }
        } catch {
            throw Failure.invalid(interval, for: "--interval", error.description)
        }
        throw Failure.invalid(interval, for: "--interval", "expected 100ms to 1h, such as 5s")
    }

    private var cursorPath: String {
        if let cursorFile { return cursorFile }
        let name = Shipment.fileName
        // systemd's may be several.
        guard let state = Environment.value("STATE_DIRECTORY")?.split(separator: ":").first else { return name }
        return state + "/" + name
    }

    // MARK: The tables

    private func schema(_ client: ClickHouse) throws {
        for (isGiven, option) in [
            (follow, "--follow"), (interval != nil, "--interval"), (server != nil, "--server"),
            (cursorFile != nil, "--cursor-file"), (listen != nil, "--listen"), (since != nil, "--since"),
            (output != nil, "--output"),
        ] where isGiven {
            throw Failure(Failure.usage, "\(option) cannot be used with schema: nothing is sent")
        }
        do {
            let statements = ShipSchema.statements(try client.version(), database: client.target.database)
            guard apply else {
                return try StandardOutput.write(statements.map { $0 + ";\n" }.joined(separator: "\n"))
            }
            for statement in statements { try client.ask(statement, inDatabase: false) }
            try StandardOutput.write("the tables are in \(client.target)\n")
        } catch let error as ClickHouseError {
            throw Self.failure(error, client.target)
        }
    }

    // MARK: Comparing

    private func verify(_ client: ClickHouse) throws {
        for (isGiven, option) in [
            (follow, "--follow"), (interval != nil, "--interval"), (listen != nil, "--listen"), (apply, "--apply"),
        ] where isGiven {
            throw Failure(Failure.usage, "\(option) cannot be used with verify: nothing is sent")
        }
        let first = try since.map { try EventFilterOptions.time($0, option: "--since") }
        let name = try name()
        let report: ShipVerifier.Report
        do {
            let verifier = try ShipVerifier(directory.source, with: client, as: name, cursor: cursorPath, since: first)
            report = try verifier.run()
        } catch let error as ShipVerifier.Trouble {
            throw Self.failure(error, client.target)
        } catch let error as ShipError {
            throw Self.cannotCompare(error, client.target)
        }
        let text = ShipReportText(report, target: client.target, server: name, source: directory.source)
        try StandardOutput.write(output == .json ? text.json : Array(text.text.utf8))
        guard report.isSame else { throw Failure(Failure.somethingWrong, "") }
    }

    private static func failure(_ trouble: ShipVerifier.Trouble, _ target: ShipTarget) -> Failure {
        switch trouble {
        case .ship(let error): cannotCompare(error, target)
        case .noCursor(let path):
            Failure(
                Failure.noInput,
                "there is no cursor file \(path), which says what has been sent; give the shipper's with --cursor-file")
        case .nothingSent(let path): Failure(Failure.noInput, "nothing has been sent yet with the cursor file \(path)")
        case .otherLog(let path):
            Failure(
                Failure.noInput,
                "\(path) is the cursor of another log than the one in this directory; let ship send this one first")
        }
    }

    /// Nothing is known to differ: it could not be looked at.
    private static func cannotCompare(_ error: ShipError, _ target: ShipTarget) -> Failure {
        var failure = failure(error, target)
        if failure.code == Failure.somethingWrong {
            if case .engine = error { failure.code = Failure.unavailable } else { failure.code = Failure.noInput }
        }
        return failure
    }

    // MARK: Sending

    private func ship(_ client: ClickHouse) throws {
        if apply { throw Failure(Failure.usage, "--apply needs schema, as in qpc-metrics ship schema --to URL --apply") }
        for (isGiven, option) in [(since != nil, "--since"), (output != nil, "--output")] where isGiven {
            throw Failure(Failure.usage, "\(option) needs verify, as in qpc-metrics ship verify --to URL")
        }
        let interval = try pause()
        let name = try name()
        let address = try listen.map { try Self.address($0) }
        if !follow { _ = try querying { () throws(DataSourceError) in try directory.source.requiredLog() } }
        let shipper: Shipper
        do {
            shipper = try Shipper(
                directory.source, to: client, as: name, cursor: try ShipCursorFile(cursorPath),
                say: { Notice.say("note: \($0)") })
        } catch let error as ShipCursorError {
            throw Self.failure(error)
        } catch let error as ShipError {
            throw Self.failure(error, client.target)
        }
        let board = address == nil ? nil : ShipBoard()
        let exporter = try address.flatMap { address in try board.map { try Self.serve($0, on: address) } }
        defer { exporter?.stop() }
        var run = ShipRun(shipper: shipper, target: client.target, follows: follow, pause: interval, board: board)
        do {
            try run.run()
        } catch {
            throw Self.failure(error, client.target)
        }
        try StandardOutput.write(run.summary)
    }

    private static func address(_ text: String) throws -> ListenAddress {
        do {
            return try ListenAddress(text, option: "--listen", example: ListenAddress(host: "127.0.0.1", port: 10121))
        } catch {
            throw Failure(Failure.usage, error.message)
        }
    }

    private static func serve(_ board: ShipBoard, on address: ListenAddress) throws -> Exporter {
        signal(SIGPIPE, SIG_IGN)
        let exporter: Exporter
        do {
            exporter = try Exporter.start(address, log: ExporterLog(level: .warn)) { start in
                ShipMetrics.families(board.now, nowMicroseconds: Environment.nowMicroseconds, startNanoseconds: start)
            }
        } catch {
            throw Failure(Failure.somethingWrong, error.message)
        }
        for address in exporter.addresses { Notice.say("metrics of this shipper: http://\(address)/metrics") }
        return exporter
    }

    static func failure(_ error: ShipError, _ target: ShipTarget) -> Failure {
        switch error {
        case .log(let error): return Failure(error)
        case .cursor(let error): return failure(error)
        case .engine(let error): return failure(error, target)
        case .otherCursor(let path, let other, let server):
            return Failure(
                Failure.usage,
                "\(path) is the cursor of another shipment (server '\(server)' to \(other)); give each its own --cursor-file")
        case .unnamed(let path):
            return Failure(
                Failure.somethingWrong,
                "\(path) has no name that its events could be sent under; start the server with this version's plugin, or run "
                    + "qpc-metrics recover once it is stopped")
        case .plain:
            return Failure(
                Failure.somethingWrong,
                "the log holds names and keys as they came (QPC_METRICS_PLUGIN_IDENTITIES=plain); "
                    + "only pseudonyms leave the machine")
        case .noTables(let problem): return Failure(Failure.somethingWrong, problem)
        }
    }

    private static func failure(_ error: ShipCursorError) -> Failure {
        Failure(error.isPermission ? Failure.noPermission : Failure.somethingWrong, error.message)
    }

    private static func failure(_ error: ClickHouseError, _ target: ShipTarget) -> Failure {
        Failure(error.isRefusal ? Failure.noPermission : Failure.somethingWrong, "\(target): \(error.message)")
    }
}
