import Doctor
import Shipping
import Terminal

/// What is known of a shipper, in words.
enum ShipmentFinding {
    case shipment(Shipment)
    case unknown(path: String, String)

    private static func age(_ microseconds: Int64) -> String { Quantity.age(seconds: UInt64(max(0, microseconds)) / 1_000_000) }

    private static func words(_ shipment: Shipment, _ now: Int64) -> String {
        let name = "\(shipment.cursor.server) to \(shipment.cursor.target): "
        guard shipment.lag.events > 0 else { return name + "all events have arrived" }
        let events = "\(Quantity.count(shipment.lag.events, "event")) behind"
        return name + events + ", the oldest for \(age(shipment.waitedMicroseconds(now: now)))"
            + (shipment.isStale(now: now)
                ? "; nothing has arrived for \(age(now - shipment.writtenMicroseconds)): it does not run, or does not get through"
                : "")
    }

    /// A line of `status`.
    var line: String {
        switch self {
        case .shipment(let shipment): VisibleText.escaped(Self.words(shipment, Environment.nowMicroseconds))
        case .unknown(_, let message): VisibleText.escaped("not known: \(message)")
        }
    }

    var json: JSON {
        switch self {
        case .unknown(let path, let message): return .object([("cursor_file", .text(path)), ("error", .text(message))])
        case .shipment(let shipment):
            let now = Environment.nowMicroseconds
            return .object([
                ("server", .text(shipment.cursor.server)), ("to", .text(shipment.cursor.target)),
                ("cursor_file", .text(shipment.path)), ("written", .time(shipment.writtenMicroseconds)),
                ("lag_events", .number(shipment.lag.events)),
                ("lag_seconds", .seconds(nanoseconds: UInt64(shipment.waitedMicroseconds(now: now)) &* 1000)),
                ("behind", .bool(shipment.isBehind(now: now))), ("stale", .bool(shipment.isStale(now: now))),
            ])
        }
    }

    /// What `doctor` makes of it.
    var check: Check {
        let name = "shipper"
        switch self {
        case .unknown(_, let message):
            return .notChecked(name, message, fix: "run doctor as root, or as a member of the group that the shipper runs in")
        case .shipment(let shipment):
            let now = Environment.nowMicroseconds
            let words = Self.words(shipment, now)
            guard shipment.isBehind(now: now) else { return .ok(name, words) }
            return .warning(
                name, words,
                fix: shipment.isStale(now: now)
                    ? "start it: systemctl start qpc-metrics-ship@NAME, or qpc-metrics ship --follow --cursor-file "
                        + "\(Shell.word(shipment.path)); its log says what fails"
                    : "see docs/RUNBOOKS.md#qpcshipperlagging")
        }
    }
}
