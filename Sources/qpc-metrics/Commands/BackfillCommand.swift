import ArgumentParser
import Doctor
import EventLog
import EventSearch
import Glibc
import MetricsModel
import MetricsQuery
import PrometheusText
import Readings
import Terminal
import TimeWords

struct BackfillCommand: ParsableCommand {
    enum Step: String, CaseIterable, ExpressibleByArgument {
        case one = "1m"
        case five = "5m"

        var microseconds: Int64 { self == .one ? 60_000_000 : 300_000_000 }
    }

    enum Bounds: String, CaseIterable, ExpressibleByArgument {
        case openmetrics
        case text
    }

    static let configuration = CommandConfiguration(
        commandName: "backfill",
        abstract: "Writes the log's history as metrics, to fill in what Prometheus never scraped.",
        discussion: """
            Prints the counters and histograms of events as they stood at each minute of the log: OpenMetrics with timestamps, \
            from which promtool builds blocks. Values are counted back from the live counters, so that they join what Prometheus \
            scraped itself. Gauges, durations, and what was written, flushed or removed are not in the log.

            With --prometheus, history ends where that Prometheus has its first sample, at that sample's values and with its \
            labels. Without it, give --until, the labels that Prometheus will add, and --bounds text if it reads the metrics \
            through node_exporter.

            EXAMPLES
              qpc-metrics backfill --prometheus http://127.0.0.1:9090 --output qpc.om
              promtool tsdb create-blocks-from openmetrics \\
                --max-block-duration=168h qpc.om blocks
              qpc-metrics backfill --since -30d --label job=qpc --label instance=qpc:10120
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(help: ArgumentHelp("The time between two samples.", valueName: "time"))
    var step: Step = .one

    // A time may begin with a minus, so whatever follows the option is its value.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Samples at or after this time (default: the log's beginning).", valueName: "time"))
    var since: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Samples before this time (default: Prometheus' first, otherwise now).", valueName: "time"))
    var until: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A label that Prometheus adds, such as job=qpc; repeatable.", valueName: "name=value"))
    var label: [String] = []

    @Option(help: ArgumentHelp("The Prometheus that scrapes this server, to end where it begins.", valueName: "url"))
    var prometheus: String?

    @Option(
        name: .customLong("ca-file"),
        help: ArgumentHelp("For https, trust the CAs in this PEM file instead of the system's.", valueName: "file"),
        completion: .file())
    var authorityFile: String?

    @Option(
        help: ArgumentHelp(
            "The format that Prometheus scrapes, which decides how bucket bounds are written (default: openmetrics, or as found "
                + "there).",
            valueName: "format"))
    var bounds: Bounds?

    @Option(help: ArgumentHelp("Write this file instead of printing.", valueName: "file"), completion: .file())
    var output: String?

    func run() throws {
        let now = Environment.nowMicroseconds
        let since = try self.since.map { try EventFilterOptions.time($0, option: "--since", now: now) }
        let until = try self.until.map { try EventFilterOptions.time($0, option: "--until", now: now) }
        if let since, since >= until ?? now {
            throw Failure.invalid(
                self.since ?? "", for: "--since", "expected a time before --until, which is \(self.until ?? "now")")
        }
        var labels = try self.label.map { try Self.label($0) }
        if Set(labels.map(\.name)).count < labels.count {
            throw Failure.invalid(label.joined(separator: " "), for: "--label", "expected each name once")
        }
        let source = directory.source
        let log = try querying { () throws(DataSourceError) in try source.requiredLog() }
        let scrape = try prometheus.map { try find($0, labels, since ?? log.oldestEvent() ?? now, now) }
        if let scrape { labels = scrape.labels }
        // Pending events may be a few moments old.
        let end = min(scrape?.time ?? .max, until ?? .max, now - Self.pendingMicroseconds)
        let answer = try queryingLog { () throws(LogError) in
            try log.counterHistory(since: since, end: end, step: step.microseconds)
        }
        guard case .history(let history) = answer else { return try refuse(answer, scrape) }
        if LogOff.isSo(source) {
            Notice.say(
                "note: \(Settings.logIsOff): what was counted since then is counted as if it had been before the first row")
        }
        // Values are Prometheus' own only where they are counted back from its sample.
        var writer = BackfillWriter(history: history, scrape: end == scrape?.time ? scrape : nil, labels: labels)
        let isPlain = bounds.map { $0 == .text } ?? scrape?.hasPlainBounds ?? false
        let series = series(source, isPlain ? .text : .openMetrics)
        try write { buffer throws(OutputError) in try writer.write(series, into: buffer) }
        if writer.wasHeld || history.mismatched {
            Notice.say(
                "warning: the log has more events than its counters say: some values start too high; run qpc-metrics verify")
        }
        if output != nil {
            Notice.say(
                "\(Quantity.grouped(UInt64(history.count))) steps, \(Self.text(history.first)) to "
                    + "\(Self.text(history.time(history.count - 1)))"
                    + (scrape == nil ? "" : "; Prometheus' own samples begin at \(Self.text(history.end))"))
        }
    }

    private static let pendingMicroseconds: Int64 = 2_000_000

    private static func text(_ microseconds: Int64) -> String { LocalTime.text(microseconds, zone: .local) }

    /// The series for which the log's rows give the right values.
    private func series(_ source: DataSource, _ bounds: HistorySeries.Bounds) -> [HistorySeries] {
        let all = HistorySeries.all(bounds: bounds)
        guard let settings = (try? source.live())?.header.settings else { return all }
        // Rows without a sender are then not only sealed messages.
        var unknown: Set<Int> = []
        if settings.identities == .none { unknown.formUnion(MessagePath.allCases.map(CounterIndex.sealed)) }
        if !settings.pairs { unknown.insert(CounterIndex.sealed(.batch)) }
        if !unknown.isEmpty { Notice.say("note: sealed messages are left out: with these settings they cannot be told apart") }
        return all.filter { series in series.lines.allSatisfy { unknown.isDisjoint(with: $0.counters) } }
    }

    // MARK: Options

    private static func label(_ text: String) throws -> (name: String, value: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts[0].utf8
        let isName =
            name.allSatisfy { byte in
                byte == UInt8(ascii: "_") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                    || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
            } && name.first.map { !(UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0) } == true && !parts[0].hasPrefix("__")
        guard parts.count == 2, isName, !parts[1].isEmpty else {
            throw Failure.invalid(text, for: "--label", "expected name=value, such as job=qpc")
        }
        let own = HistorySeries.all(bounds: .openMetrics).flatMap(\.lines).flatMap(\.labels).map(\.name)
        guard !own.contains(String(parts[0])) else {
            throw Failure.invalid(
                text, for: "--label", "expected a label that Prometheus adds; the metrics have their own '\(parts[0])'")
        }
        return (String(parts[0]), String(parts[1]))
    }

    private func find(
        _ url: String, _ labels: [(name: String, value: String)], _ since: Int64, _ now: Int64
    ) throws -> FirstScrape {
        guard let address = HTTPAddress(url) else {
            throw Failure.invalid(url, for: "--prometheus", "expected a URL like http://127.0.0.1:9090")
        }
        do {
            return try FirstScrape.find(
                HTTPClient(authorityFile: authorityFile), address, labels: labels, since: since, now: now)
        } catch {
            let advice =
                switch error {
                case .none: "; check the labels and that it scrapes this server, or omit --prometheus and give --until"
                case .several: "; choose one with --label"
                case .http, .refused: ""
                }
            throw Failure(Failure.somethingWrong, "\(address): \(error)\(advice)")
        }
    }

    // MARK: Output

    private func refuse(_ answer: CounterHistoryAnswer, _ scrape: FirstScrape?) throws {
        if case .tooMany(let points) = answer {
            throw Failure.invalid(
                step.rawValue, for: "--step",
                "this window has \(Quantity.grouped(UInt64(points))) steps, expected at most "
                    + "\(Quantity.grouped(UInt64(CounterHistory.limit))): use 5m, or split the window with --since and "
                    + "--until"
            )
        }
        try write { buffer throws(OutputError) in
            try buffer.write(Array("# EOF\n".utf8))
            try buffer.flush()
        }
        let reason =
            scrape.map { "Prometheus has samples from \(Self.text($0.time)) on, and the log has no earlier events" }
            ?? (LogOff.isSo(directory.source) ? Settings.logIsOff : "the log has no events in that time")
        Notice.say("note: nothing to fill in: \(reason)")
    }

    /// A file appears whole or not at all.
    private func write(_ body: (OutputBuffer) throws(OutputError) -> Void) throws {
        guard let path = output else {
            let buffer = OutputBuffer()
            return try printing { () throws(OutputError) in try body(buffer) }
        }
        try FileReplacement.replace(path) { descriptor in
            do throws(OutputError) {
                try body(OutputBuffer(fileDescriptor: descriptor))
            } catch {
                throw Failure(Failure.somethingWrong, "cannot write \(path): \(error)")
            }
        }
    }
}
