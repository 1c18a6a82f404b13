import MetricsModel
import MetricsQuery
import Shipping
import Terminal

/// What `ship verify` found, for people and, as one JSON object, for programs.
struct ShipReportText {
    let report: ShipVerifier.Report
    let target: ShipTarget
    let server: String
    /// By kind: how many events forget has removed from the log; nil if that is not known.
    private let forgotten: [UInt64]?

    init(_ report: ShipVerifier.Report, target: ShipTarget, server: String, source: DataSource) {
        self.report = report
        self.target = target
        self.server = server
        let counters = try? Status.read(source).snapshot.counters
        forgotten = counters.map { counters in EventKind.allCases.map { counters[CounterIndex.removed($0, .forget)] } }
    }

    private static func day(_ day: Int64) -> String { String(UTCTime.text(day * 86_400_000_000).prefix(10)) }

    var text: String {
        let events = Quantity.count(report.events, "event")
        let ids = report.ids.map { ", ids \($0.lowerBound) to \($0.upperBound)" } ?? ""
        let compared =
            "\(events) of \(Quantity.count(UInt64(report.days), "day"))\(ids), server \(VisibleText.escaped(server)), \(target)"
        var text = report.isSame ? "same: \(compared)\n" : "different: \(compared)\n\n\(table)\n"
        for difference in report.differences {
            let count = difference.missing + difference.extra + difference.changed
            let more = count > UInt64(difference.ids.count) ? " …" : ""
            let ids = difference.ids.map(String.init).joined(separator: " ")
            text += "\(Self.day(difference.day)) \(difference.kind.name): id \(ids)\(more)\n"
        }
        for kind in EventKind.allCases {
            let extra = report.differences.reduce(0) { $0 + ($1.kind == kind ? $1.extra : 0) }
            guard extra > 0, let removed = forgotten?[kind.index], removed > 0 else { continue }
            text +=
                "forget has removed \(Quantity.count(removed, "event")) of kind \(kind.name) from the log, and does not reach "
            text += "ClickHouse: delete there what only it has\n"
        }
        if report.older > 0 {
            let rows = Self.areRows(report.older)
            text += "note: \(rows) older than everything that retention has left in the log\n"
        }
        if report.ofOthers > 0 { text += "note: \(Self.areRows(report.ofOthers)) of a log that this one has replaced\n" }
        if report.waiting > 0 {
            let have = report.waiting == 1 ? "has" : "have"
            text += "note: \(Quantity.count(report.waiting, "event")) \(have) not been sent yet\n"
        }
        return text
    }

    private static func areRows(_ count: UInt64) -> String {
        "\(Quantity.count(count, "row")) in ClickHouse \(count == 1 ? "is" : "are")"
    }

    private var table: String {
        var table = Table(header: ["day", "kind", "in the log", "in ClickHouse", "missing there", "not in the log", "changed"])
        for one in report.differences {
            let numbers = [one.inLog, one.inEngine, one.missing, one.extra, one.changed].map { Quantity.grouped($0) }
            table.add([Self.day(one.day), one.kind.name] + numbers)
        }
        return table.text
    }

    var json: [UInt8] {
        var fields: [(String, JSON)] = [
            ("ok", .bool(report.isSame)), ("server", .text(server)), ("to", .text(target.description)),
            ("events", .number(report.events)), ("days", .number(report.days)),
        ]
        if let ids = report.ids { fields += [("first_id", .number(ids.lowerBound)), ("last_id", .number(ids.upperBound))] }
        fields += [
            ("older_than_log", .number(report.older)), ("of_other_logs", .number(report.ofOthers)),
            ("not_sent_yet", .number(report.waiting)),
        ]
        if let forgotten {
            fields.append(("forgotten_here", .object(EventKind.allCases.map { ($0.name, .number(forgotten[$0.index])) })))
        }
        fields.append(
            (
                "differences",
                .array(
                    report.differences.map { one in
                        .object([
                            ("day", .text(Self.day(one.day))), ("kind", .text(one.kind.name)),
                            ("in_log", .number(one.inLog)), ("in_engine", .number(one.inEngine)),
                            ("missing_there", .number(one.missing)), ("not_in_log", .number(one.extra)),
                            ("changed", .number(one.changed)), ("ids", .array(one.ids.map { .number($0) })),
                        ])
                    })
            ))
        return JSON.object(fields).line
    }
}
