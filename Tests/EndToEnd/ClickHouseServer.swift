import Foundation
import TestSupport

/// Debian's ClickHouse, on free ports of this machine; it ends with its owner.
final class ClickHouseServer {
    static let program = "clickhouse-server"

    static func isInstalled(for what: String) throws -> Bool { try Daemon.isInstalled(program, for: what) }

    private let place = TemporaryDirectory()
    private(set) var port: UInt16
    private let otherPorts: [UInt16]
    private var child: ChildProcess?

    init() throws {
        port = try LoopbackHTTP.freePort()
        otherPorts = [try LoopbackHTTP.freePort(), try LoopbackHTTP.freePort()]
        for name in ["data", "tmp", "files"] { mkdir(place(name), 0o700) }
        let user = { (name: String, password: String) in
            "<\(name)><password>\(password)</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>"
                + "<quota>default</quota></\(name)>"
        }
        let users =
            "<yandex><profiles><default/></profiles><quotas><default/></quotas>"
            + "<users>\(user("default", ""))\(user("qpc", "se&amp;cret"))</users></yandex>"
        let config =
            """
            <yandex>
            <logger><level>warning</level><log>\(place("log"))</log><errorlog>\(place("errors"))</errorlog></logger>
            <http_port>\(port)</http_port><tcp_port>\(otherPorts[0])</tcp_port>
            <interserver_http_port>\(otherPorts[1])</interserver_http_port><listen_host>127.0.0.1</listen_host>
            <path>\(place("data"))/</path><tmp_path>\(place("tmp"))/</tmp_path><user_files_path>\(place("files"))/</user_files_path>
            <users_config>\(place("users.xml"))</users_config><mark_cache_size>67108864</mark_cache_size>
            <default_profile>default</default_profile><default_database>default</default_database>
            </yandex>
            """
        try overwrite(place("users.xml"), with: Array(users.utf8))
        try overwrite(place("config.xml"), with: Array(config.utf8))
        try overwrite(place("password"), with: Array("se&cret\n".utf8))
        try start()
    }

    func start() throws {
        let child = try ChildProcess(
            [Self.program, "--config=\(place("config.xml"))"], environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
            errorFile: place("said"))
        self.child = child
        try eventually("ClickHouse answers", every: 0.02) { (try? LoopbackHTTP.get(port, "/ping").status) == 200 }
    }

    func kill() {
        child?.kill()
        child?.wait()
        child = nil
    }

    var passwordFile: String { place("password") }
    var url: String { "clickhouse+http://qpc@127.0.0.1:\(port)/qpc" }
    /// The options of `ship` for it.
    var options: [String] { ["--to", url, "--password-file", passwordFile] }

    /// What it answers to a query.
    func ask(_ query: String) throws -> String {
        let answer = try LoopbackHTTP.get(port, "/?database=qpc&query=" + LoopbackHTTP.encoded(query))
        guard answer.status == 200 else { throw TestFailure("\(query): \(answer.text)") }
        return answer.text.trimmingCharacters(in: .newlines)
    }

    /// Changes rows, and waits until they are changed.
    func alter(_ change: String) throws {
        let outcome = try run(
            [
                "curl", "-sS", "--fail-with-body", "--data-binary", "ALTER TABLE event \(change)",
                "http://127.0.0.1:\(port)/?database=qpc",
            ])
        guard outcome.status == 0 else { throw TestFailure("\(change): \(outcome.text)\(outcome.errors)") }
        try eventually("\(change)") { try ask("SELECT count() FROM system.mutations WHERE is_done = 0") == "0" }
    }

    func insert(_ rows: String) throws {
        let outcome = try run(
            [
                "curl", "-sS", "--fail-with-body", "--data-binary", "INSERT INTO event \(rows)",
                "http://127.0.0.1:\(port)/?database=qpc",
            ])
        guard outcome.status == 0 else { throw TestFailure("\(rows): \(outcome.text)\(outcome.errors)") }
    }

    /// Differences between the rows of one server's log and `events -o csv`; empty for none.
    func differences(_ directory: String, server: String) throws -> String {
        let csv = place("log.csv")
        let rows = place("rows.tsv")
        try overwrite(csv, with: try CommandLineTool(directory).succeed("events", "-o", "csv").output)
        let names = ["sender", "recipient", "channel", "user", "identity", "initiator", "peer"]
            .map { "lower(hex(\($0))) AS \($0)_hex" }.joined(separator: ", ")
        let answer = try LoopbackHTTP.get(
            port,
            "/?database=qpc&query="
                + LoopbackHTTP.encoded(
                    "SELECT id, time_us, kind, \(names), ok, new, bytes, seq, batch, batch_size, count, reason FROM event "
                        + "WHERE server = '\(server)' FORMAT TabSeparatedWithNames"))
        guard answer.status == 200 else { throw TestFailure(answer.text) }
        try overwrite(rows, with: answer.body)
        let outcome = try run(["python3", "-c", Self.comparison, csv, rows])
        guard outcome.status == 0 else { throw TestFailure(outcome.errors) }
        return outcome.text
    }

    /// Reads both without any of the product's code.
    private static let comparison = #"""
        import calendar, csv, sys, time
        def moment(text):
            return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) * 1000000 + int(text[20:26])
        want = {}
        with open(sys.argv[1], newline="") as file:
            for row in csv.DictReader(file):
                want[row["id"]] = row
        seen = set()
        wrong = []
        with open(sys.argv[2], newline="\n") as file:
            names = file.readline().rstrip("\n").split("\t")
            for line in file:
                got = dict(zip(names, line.rstrip("\n").split("\t")))
                id = got["id"]
                if id in seen: wrong.append("twice: " + id); continue
                seen.add(id)
                row = want.get(id)
                if row is None: wrong.append("unknown: " + id); continue
                if moment(row["time"]) != int(got["time_us"]): wrong.append("time of " + id)
                for name, value in row.items():
                    if name in ("id", "time"): continue
                    if name + "_hex" in got:
                        found = got[name + "_hex"]
                        if found == "0" * 32: found = ""
                    else:
                        found = got[name].encode().decode("unicode_escape").encode("latin-1").decode() if name == "reason" else got[name]
                        if value in ("true", "false"): value = "1" if value == "true" else "0"
                        if value == "" and found == "0": found = ""
                    if found != value: wrong.append(f"{name} of {id}: {found!r}, not {value!r}")
        for id in want.keys() - seen: wrong.append("missing: " + id)
        print(len(wrong), wrong[:5]) if wrong else None
        """#
}
