import Glibc

/// How events are distributed over time: quiet nights, busy evenings, busier weekends, a growing server; in slots of five
/// minutes.
struct Rhythm {
    /// A part of a day with evenly spaced events.
    struct Slot {
        var startNanoseconds: UInt64
        var lengthNanoseconds: UInt64
        /// The share of the slot's events that are an attacker's failed logins.
        var attack: Double
    }

    private static let slotSeconds: Int64 = 300

    let slots: Int
    private let startSeconds: Int64
    private let events: Int
    /// The share of all events that come before each slot, and 1 at the end.
    private var before: [Double]
    private var attacks: [Double]

    init(days: Int, endSeconds: Int64, events: Int, seed: UInt64) {
        slots = days * 86_400 / Int(Self.slotSeconds)
        startSeconds = endSeconds - Int64(days) * 86_400
        self.events = events
        var random = SplitMix(state: seed ^ 0xA77A_C4ED)
        attacks = [Double](repeating: 0, count: slots)
        // Two to three attacks per day, of five minutes to an hour; and one within the last hour.
        for _ in 0..<(days * 5 / 2) {
            let start = random.below(slots)
            for slot in start..<min(slots, start + 1 + random.below(12)) { attacks[slot] = 0.05 + 0.3 * random.fraction() }
        }
        for slot in max(0, slots - 9)..<max(0, slots - 5) { attacks[slot] = 0.2 }

        before = [0]
        var sum = 0.0
        for slot in 0..<slots {
            let seconds = Double(startSeconds + Int64(slot) * Self.slotSeconds)
            let hour = (seconds / 3600).truncatingRemainder(dividingBy: 24)
            let day = Int(seconds / 86_400) % 7
            // Busiest at eight in the evening, with a smaller peak around noon.
            let evening = 0.5 + 0.5 * cos((hour - 20) / 24 * 2 * .pi)
            let noon = exp(-((hour - 12.5) * (hour - 12.5)) / 4)
            let weekend = day == 2 || day == 3 ? 1.25 : 1.0  // 1970 began on a Thursday
            let growth = 0.8 + 0.4 * Double(slot) / Double(slots)
            sum +=
                (0.08 + evening * evening + 0.35 * noon) * weekend * growth * (0.9 + 0.2 * random.fraction())
                * (1 + attacks[slot])
            before.append(sum)
        }
        for index in before.indices { before[index] /= sum }
    }

    func slot(_ index: Int) -> Slot {
        Slot(
            startNanoseconds: UInt64(startSeconds + Int64(index) * Self.slotSeconds) * 1_000_000_000,
            lengthNanoseconds: UInt64(Self.slotSeconds) * 1_000_000_000, attack: attacks[index])
    }

    /// Events of all slots before this one.
    func eventsBefore(_ slot: Int) -> Int { slot == slots ? events : Int(before[slot] * Double(events)) }
}
