import Foundation

/// Microseconds since 1970.
public func microsecondsNow() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
}

/// Parses a time as the product prints it in UTC, to the microsecond or better; nil if it does not have that form.
public func microseconds(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 27, bytes.last == 0x5A, bytes[10] == 0x54, bytes[19] == 0x2E else { return nil }
    func number(_ range: Range<Int>) -> Int? { Int(String(decoding: bytes[range], as: UTF8.self)) }
    guard bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[13] == 0x3A, bytes[16] == 0x3A,
        let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
        let minute = number(14..<16), let second = number(17..<19), let micro = number(20..<26)
    else { return nil }
    var parts = tm()
    parts.tm_year = Int32(year - 1900)
    parts.tm_mon = Int32(month - 1)
    parts.tm_mday = Int32(day)
    parts.tm_hour = Int32(hour)
    parts.tm_min = Int32(minute)
    parts.tm_sec = Int32(second)
    return Int64(timegm(&parts)) * 1_000_000 + Int64(micro)
}

extension [String: JSONValue] {
    /// When the event's hook was called.
    public var moment: Int64 { self["time"]?.text.flatMap { microseconds($0) } ?? -1 }
    public var id: UInt64 { self["id"]?.number ?? 0 }
    public var kind: String { self["kind"]?.text ?? "" }

    /// What its hook was called with: everything except what the log adds.
    public var asSent: LoggedEvent { filter { !["id", "time", "batch"].contains($0.key) } }
}
