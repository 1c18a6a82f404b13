import EventLog
import MetricsMemory
import MetricsModel

/// A job on the whole log. A removal covers everything that belongs to what is removed: the rows, the names left without a
/// row, the file's free pages, and the copy in the WAL. Works in steps of a few milliseconds.
public final class MaintenanceJob {
    public enum Order: Sendable {
        /// Events before a time (µs since 1970), and the oldest ones until the log has at most that many bytes.
        case prune(before: Int64, maxBytes: Int64?)
        /// A person, under every name that the log may hold, and the words to remove from reasons.
        case forget(users: [StoredName], identities: [StoredName], text: [UInt8]?)
        /// What is kept alongside the rows, rebuilt from them from scratch.
        case rebuild
    }

    public struct Outcome: Sendable {
        /// By kind.
        public var removed = [UInt64](repeating: 0, count: EventKind.count)
        public var users = 0
        public var identities = 0
        /// Names that no event used any more.
        public var names = 0
        /// Segments that were indexed again.
        public var segments = 0
        public var bytesBefore: UInt64 = 0
        public var bytesAfter: UInt64 = 0

        public init() {}

        public var events: UInt64 { removed.reduce(0, +) }

        /// What was done for one person under several names, one after another.
        public mutating func add(_ next: Outcome) {
            if events == 0, bytesBefore == 0 { bytesBefore = next.bytesBefore }
            for index in removed.indices { removed[index] += next.removed[index] }
            users += next.users
            identities += next.identities
            names += next.names
            segments += next.segments
            bytesAfter = next.bytesAfter
        }
    }

    /// Runs a change in a transaction of its own, counts under a cause what it reports as removed, by kind, and returns the
    /// same.
    public typealias Amend = (RemovalCause, () throws(LogError) -> [UInt64]) throws(LogError) -> [UInt64]

    private enum Phase {
        case pruning(Retention)
        case erasure(Erasure)
        /// The next segment to index, and the end: the segment that is not full yet.
        case indexing(next: Int64, end: Int64)
        case collecting(NameCollection)
        case shrinking
        case clearing
        case done
    }

    private static let pagesPerStep = 128
    /// Up to this many free pages stay for later rows, if nobody asked for the room and the log is within its cap: 8 MiB.
    private static let sparePages: Int64 = 2048

    private let writer: EventLogWriter
    private let isAsked: Bool
    private let maxBytes: Int64?
    /// Events from before this time are removed, and nobody has waited since then: UTC, microseconds.
    public let before: Int64
    private var phase: Phase
    public private(set) var outcome = Outcome()

    /// - Parameter isAsked: whether somebody waits for it, and wants every trace gone; otherwise it is a routine round.
    public convenience init(_ order: Order, writer: EventLogWriter, isAsked: Bool) throws(LogError) {
        let pages = try writer.pageCounts()
        switch order {
        case .prune(let before, let maxBytes):
            // A little below the cap, so that not every new row starts another round.
            let target = isAsked ? maxBytes : maxBytes.map { $0 - $0 / 32 }
            let retention = try writer.retention(before: before, maxBytes: target, isAsked: isAsked)
            self.init(.pruning(retention), before: before, maxBytes: maxBytes, writer: writer, isAsked: isAsked)
        case .forget(let users, let identities, let text):
            let erasure = try writer.erasure(users: users, identities: identities, text: text)
            self.init(.erasure(erasure), writer: writer, isAsked: isAsked)
            outcome.users = erasure.found.users
            outcome.identities = erasure.found.identities
        case .rebuild:
            let oldest = try writer.oldestID() ?? writer.nextID
            self.init(
                .indexing(next: Segment.of(oldest), end: Segment.of(writer.nextID)), writer: writer, isAsked: isAsked)
        }
        outcome.bytesBefore = UInt64(pages.all * pages.bytesEach)
    }

    private init(_ first: Phase, before: Int64 = .min, maxBytes: Int64? = nil, writer: EventLogWriter, isAsked: Bool) {
        phase = first
        self.before = before
        self.maxBytes = maxBytes
        self.writer = writer
        self.isAsked = isAsked
    }

    public var isDone: Bool {
        if case .done = phase { return true }
        return false
    }

    /// Does one step.
    /// - Throws: `LogError`; the step then had no effect, and can be retried.
    public func step(_ amend: Amend) throws(LogError) {
        switch phase {
        case .pruning(let retention):
            count(try amend(.retention) { () throws(LogError) -> [UInt64] in try retention.step() })
            if retention.isDone { try removalEnded() }
        case .erasure(let erasure):
            count(
                try amend(.forget) { () throws(LogError) -> [UInt64] in
                    let removed = try erasure.step()
                    if removed.contains(where: { $0 > 0 }) {
                        try writer.noteErasure(at: Int64(clamping: TickClock.realtimeNanoseconds() / 1000))
                    }
                    return removed
                })
            if erasure.isDone { try removalEnded() }
        case .indexing(let from, let end):
            guard let next = try writer.occupiedSegment(from: from, to: end) else {
                phase = .shrinking
                return
            }
            _ = try amend(.retention) { () throws(LogError) -> [UInt64] in
                try writer.reindex(next)
                return []
            }
            outcome.segments += 1
            phase = .indexing(next: next + 1, end: end)
        case .collecting(let collection):
            if collection.isMarking {
                try collection.step()
            } else {
                _ = try amend(.retention) { () throws(LogError) -> [UInt64] in
                    try collection.step()
                    return []
                }
            }
            guard collection.isDone else { return }
            outcome.names = collection.deleted
            writer.forgetActivity()
            phase = .shrinking
        case .shrinking: try shrink()
        case .clearing: try clear()
        case .done: break
        }
    }

    private func count(_ removed: [UInt64]) {
        for (index, count) in removed.enumerated() { outcome.removed[index] += count }
    }

    private func removalEnded() throws(LogError) {
        phase = outcome.events > 0 || isAsked ? .collecting(try writer.nameCollection()) : .shrinking
    }

    private func shrink() throws(LogError) {
        let pages = try writer.pageCounts()
        let isOverCap = maxBytes.map { pages.all * pages.bytesEach > $0 } ?? false
        if pages.free > (isAsked || isOverCap ? 0 : Self.sparePages) {
            try writer.vacuum(pages: Self.pagesPerStep)
            return
        }
        outcome.bytesAfter = UInt64(pages.all * pages.bytesEach)
        phase = isAsked || outcome.names > 0 ? .clearing : .done
    }

    /// What was removed is still in the WAL, until that is emptied.
    private func clear() throws(LogError) {
        try writer.checkpoint(truncating: true)
        // If something is left, a reader is in the way. Nobody waits for a routine round, whose owner tries again.
        leavesCopy = !writer.isWALEmpty
        if leavesCopy && isAsked { waitsForReaders = true } else { phase = .done }
    }

    /// Whether what was removed is still in the WAL, because a reader's open transaction kept it from being emptied.
    public private(set) var leavesCopy = false

    /// Whether everything is removed, and only a reader's open transaction keeps the WAL from being emptied.
    public private(set) var waitsForReaders = false
}
