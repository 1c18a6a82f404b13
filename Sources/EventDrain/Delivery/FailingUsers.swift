import CMachine
import EventLog
import MetricsModel

/// How many users had a failed login in the last five minutes, and in the last hour: many during password spraying. Used on
/// the plugin's thread.
///
/// Exact for up to 65,536 users within an hour. Beyond that, only users whose hash falls into one half, one quarter and so on
/// are kept, and stand for the others: within 1 % with a probability of 99 %. Users are told apart by a hash under the
/// process's key: of their number in the log, or of their name if they have none.
struct FailingUsers {
    static let limit = 65_536
    private static let reachSeconds: Int64 = 3600

    /// A user's last failed login.
    private struct Failure {
        /// Seconds since 1970.
        var second: Int64
        /// It stands for two to the power of `level` users.
        var level: UInt64
    }

    private var last: [UInt64: Failure] = [:]
    /// This many bits of a hash, above the lowest, must be 0.
    private var level: UInt64 = 0
    private let seed: UInt64
    private var prunedAt: Int64 = 0

    init() {
        var seed: UInt64 = 0
        _ = getrandom(&seed, 8, 0)
        self.seed = seed | 1
    }

    /// - Parameter number: the user's number in the log; 0 or negative for none.
    /// - Parameter time: when the login failed: UTC, microseconds.
    mutating func add(_ user: UnsafeRawBufferPointer, number: Int64, at time: Int64) {
        guard user.count > 0 || number > 0 else { return }
        var id = UInt64(bitPattern: number)
        let hash =
            number > 0
            ? withUnsafeBytes(of: &id) { KeyedHash.of($0, seed: seed) } : KeyedHash.of(user, seed: seed ^ 0x5555_5555_5555_5554)
        // The hash's lowest bit is always 1.
        guard isKept(hash) else { return }
        let second = time / 1_000_000
        if let before = last[hash], before.second >= second { return }
        last[hash] = Failure(second: second, level: level)
        if last.count > Self.limit { makeRoom(second) }
    }

    private func isKept(_ hash: UInt64) -> Bool { (hash >> 1) & ((1 << level) - 1) == 0 }

    private mutating func makeRoom(_ now: Int64) {
        prune(now)
        while last.count > Self.limit / 4 * 3, level < 40 {
            level += 1
            var kept: [UInt64: Failure] = [:]
            for (hash, failure) in last where isKept(hash) {
                kept[hash] = Failure(second: failure.second, level: max(failure.level, level))
            }
            last = kept
        }
    }

    private mutating func prune(_ now: Int64) {
        prunedAt = now
        var gone: [UInt64] = []
        for (hash, failure) in last where failure.second <= now - Self.reachSeconds { gone.append(hash) }
        for hash in gone { last[hash] = nil }
        if last.count < Self.limit / 4, level > 0 { level -= 1 }
        if last.isEmpty, !gone.isEmpty { last = [:] }
    }

    /// Users with a failed login in the last five minutes, and in the last hour, as of now (UTC, microseconds).
    mutating func counts(nowMicroseconds: Int64) -> (UInt64, UInt64) {
        guard !last.isEmpty else { return (0, 0) }
        let now = nowMicroseconds / 1_000_000
        if now - prunedAt >= 60 { prune(now) }
        var minutes: UInt64 = 0
        var hour: UInt64 = 0
        for failure in last.values where failure.second > now - Self.reachSeconds && failure.second <= now + 60 {
            hour += 1 << failure.level
            if failure.second > now - 300 { minutes += 1 << failure.level }
        }
        return (minutes, hour)
    }
}
