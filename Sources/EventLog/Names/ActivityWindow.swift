/// How many identities were last seen when, in steps of ten minutes over 30 days: enough to tell how many were seen in a day, a
/// week or a month without reading the log again.
package struct ActivityWindow {
    /// Ten minutes: the edge of a day is then off by at most 0.7 %.
    package static var stepMicroseconds: Int64 { 600 * 1_000_000 }
    private static let steps = 30 * 144 + 1
    /// An identity last seen longer ago than this counts in no window.
    package static var reachSteps: Int64 { Int64(steps) }

    /// Identities by the step in which they were last seen; the index is the step modulo `steps`.
    private var counts = [Int64](repeating: 0, count: ActivityWindow.steps)
    /// The newest step that `counts` covers.
    package private(set) var newest: Int64 = 0
    /// A day: a step further ahead than that was seen under a wrong clock.
    package static let slackSteps: Int64 = 144

    package static func step(_ microseconds: Int64) -> Int64 { microseconds / stepMicroseconds }

    private mutating func advance(to step: Int64) {
        guard step > newest else { return }
        let distance = min(step - newest, Int64(Self.steps))
        for offset in 0..<distance { counts[Self.index(step - offset)] = 0 }
        newest = step
    }

    /// Whether an identity last seen in step `last` must be recorded as seen in `step`.
    @inline(__always)
    package static func isNews(_ step: Int64, after last: Int64) -> Bool { last < step || last > step &+ slackSteps }

    private static func index(_ step: Int64) -> Int { Int(step % Int64(steps)) }

    private func covers(_ step: Int64) -> Bool { step >= 0 && step <= newest && step > newest - Int64(Self.steps) }

    /// Adds `count` identities that were last seen in that step.
    package mutating func add(_ count: Int64, at step: Int64) {
        guard step >= 0 else { return }
        advance(to: step)
        if covers(step) { counts[Self.index(step)] += count }
    }

    /// Records that an identity last seen in `old` (negative if never) is now seen in `new`.
    package mutating func move(from old: Int64, to new: Int64) {
        add(1, at: new)
        if covers(old) { counts[Self.index(old)] -= 1 }
    }

    /// How many identities were seen in the last `days` days.
    package func active(days: Int64, nowMicroseconds: Int64) -> UInt64 {
        let now = Self.step(nowMicroseconds)
        var sum: Int64 = 0
        var step = now - days * 144 + 1
        while step <= newest {
            if covers(step) { sum += counts[Self.index(step)] }
            step += 1
        }
        return UInt64(max(0, sum))
    }
}
