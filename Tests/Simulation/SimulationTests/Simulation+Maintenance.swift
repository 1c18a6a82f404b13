import CMachine
import CMetricsLayout
import EventLog
import Foundation
import MetricsModel
import TestSupport

@testable import EventDrain

/// What is done to the whole log while events arrive: on request, through the plugin's control socket, events are removed,
/// a person is forgotten, or sums and postings are rebuilt.
extension Simulation {
    private struct Work {
        var request = qpcm_control_request()
        /// Whether an event is to leave; nil where the size decides.
        var leaves: ((EventBook.Entry) -> Bool)?

        init(_ action: Int, leaves: ((EventBook.Entry) -> Bool)? = { _ in false }) {
            request.magic = QPCM_CONTROL_MAGIC
            request.version = QPCM_CONTROL_VERSION
            request.action = UInt32(action)
            request.before_us = .min
            request.max_bytes = -1
            self.leaves = leaves
        }
    }

    private func work() throws -> Work {
        switch below(5) {
        case 0, 1:
            let before = book.entries.isEmpty ? 0 : book[1 + below(UInt64(book.entries.count))].time
            counts.retentions += 1
            var work = Work(QPCM_CONTROL_PRUNE) { $0.time < before }
            work.request.before_us = before
            return work
        case 2:
            let pages = try drainer!.writer.pageCounts()
            counts.retentions += 1
            var work = Work(QPCM_CONTROL_PRUNE, leaves: nil)
            work.request.max_bytes = max(1, pages.all - 1 - Int64(below(12))) * pages.bytesEach
            return work
        case 3:
            let person = Int(below(UInt64(Self.people)))
            counts.forgets += 1
            // In a simulation, nothing ties the users who log in to a key.
            var work = Work(QPCM_CONTROL_FORGET_IDENTITY) { $0.person == person && $0.kind != .auth }
            let key = Self.key(of: person)
            work.request.name_bytes = UInt32(key.count)
            withUnsafeMutableBytes(of: &work.request.name) { $0.copyBytes(from: key) }
            return work
        default:
            counts.rebuilds += 1
            return Work(QPCM_CONTROL_REBUILD)
        }
    }

    /// Works through one request, with calls and flushes between its steps, and sometimes on a failing disk.
    func work(underFaults: Bool) throws {
        try heal()
        try settleMaintenance()
        // The segment is indexed in the middle of it.
        if chance(4) { comeToSegmentEnd(within: 6) }
        let work = try work()
        // The request also covers what waits in the rings.
        for _ in 0..<Int(below(6)) { call() }
        let before = book.expected
        book.leaving = work.leaves.map { leaves in before.filter { leaves(book[$0]) } } ?? before
        tell("request \(work.request.action), failing: \(underFaults)")
        if underFaults { beginFault() }
        isLogLost = false
        let isDone = try run(work)
        try heal()
        try settleMaintenance()

        let after = Set(try rows().map(\.seq))
        let left = book.expected.subtracting(after)
        book.leaving = []
        if isLogLost {
            // What the request had removed by then is counted as removed, the rest as gone: the book cannot tell them apart.
            book.isMuddled = true
            book.durable = []
            book.gone.formUnion(left)
            return
        }
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
    }

    /// False if it was given up: what is done is done, and the rest is requested again some other time.
    private func run(_ work: Work) throws -> Bool {
        let asker = qpcm_control_connect(DataFile.control.path(in: directory), 100)
        guard asker >= 0 else { throw TestFailure("nobody listens for requests: \(qpcm_errno())") }
        defer { close(asker) }
        var request = work.request
        let sent = withUnsafeBytes(of: &request) { qpcm_send(asker, $0.baseAddress, $0.count) }
        guard sent == MemoryLayout<qpcm_control_request>.size else { throw TestFailure("the request was not taken") }
        for _ in 0..<20_000 {
            if chance(4) {
                let known = UInt64(book.entries.count)
                for _ in 0..<Int(below(4)) { call() }
                for seq in known..<UInt64(book.entries.count) where work.leaves?(book[seq + 1]) ?? true {
                    book.leaving.insert(seq + 1)
                }
            }
            // A file beside the log is deleted while the log is worked on.
            if !isQuiet, chance(40) {
                counts.filesLostMeanwhile += 1
                unlink(DataFile.log.path(in: directory) + "-shm")
                clock.pass(500_000_000)
            }
            // Or the log itself, with what the request has not removed yet.
            if !isQuiet, !isLogLost, chance(60) {
                counts.logsLostMeanwhile += 1
                isLogLost = true
                rename(DataFile.log.path(in: directory), place + "/moved")
                clock.pass(500_000_000)
            }
            if loop?.isInTrouble == true {
                // A disk that fails for ever would keep the request waiting for ever.
                if chance(8) { endFault() }
                clock.pass(FlushRetryPolicy.retryNanoseconds)
            }
            clock.pass(below(20_000_000))
            turn()
            switch answer(asker) {
            case QPCM_CONTROL_DONE: return true
            case QPCM_CONTROL_FAILED:
                counts.requestsFailed += 1
                return false
            default: break
            }
        }
        throw TestFailure("a request was never answered")
    }

    /// What the plugin has answered so far; nil for nothing.
    private func answer(_ asker: Int32) -> Int? {
        var answer = qpcm_control_answer()
        let size = MemoryLayout<qpcm_control_answer>.size
        let received = withUnsafeMutableBytes(of: &answer) { recv(asker, $0.baseAddress, size, Int32(MSG_DONTWAIT)) }
        return received == size ? Int(answer.status) : nil
    }
}
