import CMetricsLayout
import MetricsMemory

/// What waits in the rings: how full each is, and how long the oldest event has waited.
public struct RingSurvey: Sendable {
    public var ringBytes = 0
    /// Bytes waiting, by thread slot; 0 for a slot that does not exist.
    public var waitingBytes: [Int] = []
    /// UTC, nanoseconds since 1970; nil if nothing waits.
    public var oldestNanoseconds: UInt64?

    public init() {}

    /// The fill level of the fullest ring, from 0 to 1.
    public var fullest: Double {
        ringBytes == 0 ? 0 : Double(waitingBytes.max() ?? 0) / Double(ringBytes)
    }

    /// How long the oldest event has waited; 0 if none waits.
    public func lagNanoseconds(now: UInt64) -> UInt64 {
        guard let oldestNanoseconds, oldestNanoseconds < now else { return 0 }
        return now - oldestNanoseconds
    }

    /// Reads while others write: a record that is removed meanwhile is ignored.
    public static func read(_ live: LiveFileReader) -> RingSurvey {
        var survey = RingSurvey()
        let map = live.map
        survey.ringBytes = map.ringBytes
        for index in 0..<map.slotsReady {
            guard !map.isAbsent(index) else {
                survey.waitingBytes.append(0)
                continue
            }
            let slot = map.slot(index)
            let head = RingConsumer.head(of: slot)
            let tail = RingConsumer.tail(of: slot)
            survey.waitingBytes.append(min(Int(clamping: tail &- head), map.ringBytes))
            guard tail != head, let ticks = oldestTicks(slot, head: head, tail: tail, ringBytes: UInt64(map.ringBytes))
            else { continue }
            let time = live.header.clock == UInt64(QPCM_CLOCK_TSC) ? map.anchor.nanoseconds(at: ticks) : ticks
            survey.oldestNanoseconds = min(survey.oldestNanoseconds ?? .max, time)
        }
        return survey
    }

    private static func oldestTicks(
        _ slot: UnsafeMutableRawPointer, head: UInt64, tail: UInt64, ringBytes: UInt64
    ) -> UInt64? {
        let ring = slot + QPCM_SLOT_RING
        var position = head
        // Records begin at multiples of 64 bytes; a damaged head may not.
        guard position % 64 == 0 else { return nil }
        let first = AtomicWord.loadRelaxed(ring, Int(position & (ringBytes - 1)))
        // The end of the ring may be padding; the record is then at its beginning.
        if first >> 32 & 0xFF == UInt64(QPCM_RECORD_PADDING) { position &+= (first >> 48) << 6 }
        guard position < tail else { return nil }
        let ticks = AtomicWord.loadRelaxed(ring, Int(position & (ringBytes - 1)) + Int(QPCM_RECORD_TICKS_AT))
        return RingConsumer.head(of: slot) == head && ticks != 0 ? ticks : nil
    }
}
