import CMetricsLayout
import MetricsMemory

/// Turns the ticks of records into UTC.
///
/// Two moments at which both clocks were read frame the records of a step; a record's time is interpolated between them by
/// its ticks, so no rate has to be known in advance and no error builds up. If the time of day was set in between, the frame
/// cannot be trusted, and records keep the time that the clock showed before. Frames continue while nothing is recorded, so
/// that an earlier clock change does not affect a later record.
public struct RecordClock {
    private let clock: UInt64
    /// The start of the frame: at least `frameNanoseconds` old, so that its rate is exact.
    private(set) var anchor: TickAnchor
    private var scale: UInt64
    private var isLive: Bool
    /// The frame to start from at the next look, after the time of day was set; earlier records keep the old one.
    private var next: TickAnchor?

    private static var frameNanoseconds: UInt64 { 100_000_000 }

    /// - Parameter anchor: the live file's; for a dead server's records it is all that is known.
    init(clock: UInt64, anchor: TickAnchor) {
        self.clock = clock
        self.anchor = anchor
        scale = anchor.scale
        isLive = false
    }

    /// A first anchor for a new session, from the machine's clocks.
    public static func firstAnchor(clock: UInt64) -> TickAnchor {
        guard clock == UInt64(QPCM_CLOCK_TSC) else { return TickAnchor(ticks: 0, nanoseconds: 0, scale: 1 << 32) }
        var first = TickAnchor.now(clock: clock, scale: 0)
        // A first rate, measured over 200 microseconds; the first frame makes it exact.
        while true {
            let second = TickAnchor.now(clock: clock, scale: 0)
            if second.nanoseconds &- first.nanoseconds >= 200_000 {
                if let scale = first.scale(until: second, known: nil) {
                    return TickAnchor(ticks: second.ticks, nanoseconds: second.nanoseconds, scale: scale)
                }
                first = second
            }
        }
    }

    mutating func startLive() { isLive = true }

    /// Reads both clocks, before a step or while no record waits.
    ///
    /// - Returns: whether there is a new frame.
    @discardableResult
    mutating func look(isIdle: Bool = false) -> Bool {
        guard isLive, clock == UInt64(QPCM_CLOCK_TSC) else { return false }
        if let next {
            anchor = next
            self.next = nil
        }
        // Measured in ticks, since the time of day may just have been set back.
        guard anchor.nanoseconds(at: TickClock.ticks(clock)) &- anchor.nanoseconds >= Self.frameNanoseconds else { return false }
        let now = TickAnchor.now(clock: clock, scale: scale)
        guard let rate = anchor.scale(until: now, known: anchor.scale) else {
            if isIdle { anchor = now } else { next = now }
            return isIdle
        }
        scale = rate
        // From the new moment back to the frame's start the rate is exact; beyond the new moment it is the best estimate.
        anchor = TickAnchor(ticks: now.ticks, nanoseconds: now.nanoseconds, scale: scale)
        return true
    }

    /// UTC, microseconds since 1970.
    @inline(__always)
    func microseconds(at ticks: UInt64) -> Int64 {
        if clock != UInt64(QPCM_CLOCK_TSC) { return Int64(truncatingIfNeeded: ticks / 1000) }
        return Int64(truncatingIfNeeded: anchor.nanoseconds(at: ticks) / 1000)
    }
}
