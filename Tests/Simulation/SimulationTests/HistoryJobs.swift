import EventLog
import MetricsModel
import TestSupport

@testable import EventDrain

/// What is done to the whole log while events come: retention, a person forgotten, seals made anew.
extension History {
    private struct Work {
        var order: MaintenanceJob.Order
        /// Whether an event is to leave; nil where the size decides.
        var leaves: ((HistoryBook.Entry) -> Bool)?
    }

    private func work() throws -> Work {
        switch below(5) {
        case 0, 1:
            let seqs = UInt64(max(1, book.entries.count))
            let before = book.entries.isEmpty ? 0 : book[1 + below(seqs)].time
            counts.retentions += 1
            return Work(order: .prune(before: before, maxBytes: nil)) { $0.time < before }
        case 2:
            let pages = try drainer!.writer.pageCounts()
            counts.retentions += 1
            return Work(order: .prune(before: .min, maxBytes: (pages.all - 1 - Int64(below(12))) * pages.bytesEach), leaves: nil)
        case 3:
            let person = Int(below(UInt64(Self.people)))
            counts.forgets += 1
            // Logins in this history are of users whom nothing ties to a key.
            let order = MaintenanceJob.Order.forget(
                users: [], identities: [StoredName(bytes: Self.key(of: person), isText: false)], text: Array("reason 3".utf8))
            return Work(order: order) { $0.person == person && $0.kind != .auth }
        default:
            counts.rebuilds += 1
            return Work(order: .rebuild) { _ in false }
        }
    }

    /// Works through one, with calls and flushes between its steps, and sometimes on a disk that fails.
    func work(underFaults: Bool) throws {
        try heal()
        // The segment is sealed in the midst of it.
        if chance(4) { comeToSegmentEnd(within: 6) }
        let work = try work()
        if case .prune(_, let bytes?) = work.order, bytes <= 0 { return }
        let before = try rows().map(\.seq)
        book.leaving = Set(work.leaves.map { leaves in before.filter { leaves(book[$0]) } } ?? before)
        tell("\(work.order), failing: \(underFaults)")
        if underFaults { beginFault() }
        let isDone = try run(work)
        try heal()

        let after = Set(try rows().map(\.seq))
        let left = book.expected.subtracting(after)
        if let leaves = work.leaves {
            guard left.allSatisfy({ leaves(book[$0]) }) else {
                throw TestFailure("removed and not meant: \(left.filter { !leaves(book[$0]) }.sorted())")
            }
            if isDone, let kept = before.first(where: { leaves(book[$0]) && after.contains($0) }) {
                throw TestFailure("\(kept) was to be removed and is there")
            }
        }
        book.removed.formUnion(left)
        book.durable.subtract(left)
        counts.removed += left.count
        tell("\(left.count) removed, done: \(isDone)")
        book.leaving = []
    }

    /// False if it was given up: what is done is done, and the rest is asked for again some time.
    private func run(_ work: Work) throws -> Bool {
        let asked = drainer!
        do {
            let job = try MaintenanceJob(work.order, writer: asked.writer, isAsked: chance(2))
            while !job.isDone {
                try job.step { (cause, body) throws(LogError) -> [UInt64] in try asked.remove(cause, body) }
                if chance(4) {
                    let known = UInt64(book.entries.count)
                    for _ in 0..<Int(below(4)) { call() }
                    for seq in known..<UInt64(book.entries.count) where work.leaves?(book[seq + 1]) ?? true {
                        book.leaving.insert(seq + 1)
                    }
                    guard flush(), drainer === asked else { throw JobLost() }
                }
            }
            return true
        } catch {
            counts.jobsFailed += 1
            return false
        }
    }

    private struct JobLost: Error {}
}
