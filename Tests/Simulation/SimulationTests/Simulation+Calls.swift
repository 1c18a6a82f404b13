import MetricsMemory
import MetricsModel
import TestSupport

/// Hooks as they record: one claim, the records, one commit, then the counters.
extension Simulation {
    /// Where a kill stops a call.
    enum Stop {
        case nowhere
        /// The records are written, but nobody may see them.
        case beforeCommit
        /// The event counts as recorded, though no counter says so yet.
        case beforeCount
    }

    static let people = 12

    static func key(of person: Int) -> [UInt8] { (0..<32).map { UInt8(truncatingIfNeeded: person &* 7 &+ $0) } }

    /// One event, or a batch, from one of the threads.
    func call(stop: Stop = .nowhere) {
        passTime()
        let slot = Int(below(UInt64(slots.count)))
        switch below(10) {
        case 0..<4: single(.messageEnqueue, slot, stop)
        case 4: single(.auth, slot, stop)
        case 5: single(.channelCreated, slot, stop)
        case 6: single(.fetch, slot, stop)
        case 7: single(.userRegistered, slot, stop)
        default: batch(slot, stop)
        }
    }

    /// Calls in the midst of what the drain writes; none if no server runs, or while a thread is within a call.
    func callsDuringWrite() {
        guard loop != nil, !book.isWithinBatch, chance(2) else { return }
        callsAtOnce(Int(1 + below(6)))
    }

    /// Calls between which no time passes.
    func callsAtOnce(_ count: Int) {
        for _ in 0..<count {
            single([.messageEnqueue, .auth, .fetch, .userRegistered][Int(below(4))], Int(below(UInt64(slots.count))), .nowhere)
        }
    }

    private func passTime() {
        clock.pass(below(3_000_000_000))
        guard chance(40) else { return }
        if chance(2) {
            counts.pauses += 1
            return clock.pass(below(8 * 3600) * 1_000_000_000)
        }
        counts.clockJumps += 1
        clock.set(by: below(20 * 86_400) * 1_000_000_000, forward: chance(2))
    }

    private func newEvent(_ kind: EventKind, _ slot: Int, bytes: UInt64, call: UInt64 = 0) -> UInt64 {
        book.add(
            .init(
                kind: kind, slot: slot, time: Int64(clock.wall / 1000), person: Int(below(UInt64(Self.people))),
                bytes: bytes, call: call))
    }

    private func single(_ kind: EventKind, _ slot: Int, _ stop: Stop) {
        let recorder = Recorder(slot: slots[slot])
        let size = kind == .messageEnqueue ? below(5000) : 0
        let seq = newEvent(kind, slot, bytes: size)
        let yes = chance(2)
        let key = Self.key(of: book[seq].person)
        let name = Array("\(kind == .channelCreated ? "" : kind == .auth ? "u" : "r")\(seq)".utf8)
        let reason = Array("reason \(below(8))".utf8)
        key.withUnsafeBufferPointer { key in
            name.withUnsafeBufferPointer { name in
                reason.withUnsafeBufferPointer { reason in
                    let person = RecordField.key(key.baseAddress, key.count)
                    let named = RecordField.text(name.baseAddress, name.count)
                    let said = yes ? RecordField.absent : RecordField.text(reason.baseAddress, reason.count)
                    let record =
                        switch kind {
                        case .messageEnqueue, .batchEnqueue:
                            Record(kind, ticks: clock.wall, person, person, number: size, seq: seq)
                        case .auth: Record(.auth, ticks: clock.wall, named, said, yes: yes)
                        case .channelCreated: Record(kind, ticks: clock.wall, named, person, yes: yes)
                        case .fetch: Record(kind, ticks: clock.wall, person, .absent, number: seq)
                        case .userRegistered: Record(kind, ticks: clock.wall, named, person)
                        }
                    guard var position = recorder.claim(record.bytes) else {
                        record.addDropped(.ringFull, to: recorder.direct)
                        return dropped(kind, 1)
                    }
                    recorder.put(record, at: &position)
                    if stop == .beforeCommit { return }
                    recorder.commit(position)
                    recorded([seq])
                    if stop == .beforeCount { return }
                    recorder.count(record)
                }
            }
        }
    }

    private func recorded(_ seqs: [UInt64]) {
        book.returned.formUnion(seqs)
        book.undrained.formUnion(seqs)
    }

    private func dropped(_ kind: EventKind, _ count: Int) {
        book.dropped[kind.index] += UInt64(count)
        counts.dropped += count
    }

    /// A batch that is larger than half the ring goes in parts.
    private func batch(_ slot: Int, _ stop: Stop) {
        let recorder = Recorder(slot: slots[slot])
        let ticks = clock.wall
        let size = below(5000)
        let each = message(0, of: 0, size: size, ticks: ticks) { $0.bytes }
        let perPart = Int((recorder.ringBytes / 2 - Recorder.batchHeaderBytes) / each)
        // A call that a kill stops has only one part, so that any batch in the log is complete.
        let count = min(Int(below(60)), stop == .nowhere ? Int.max : perPart)
        let first = UInt64(book.entries.count + 1)
        let seqs = (0..<count).map { _ in newEvent(.batchEnqueue, slot, bytes: size, call: first) }
        var from = 0
        var isBegunInLog = false
        repeat {
            let part = Array(seqs[from..<min(from + perPart, seqs.count)])
            guard var position = recorder.claim(Recorder.batchHeaderBytes + UInt64(part.count) * each) else {
                if from == 0 { Tally.batchCall(messages: UInt64(seqs.count), into: recorder.direct) }
                for seq in seqs[from...] {
                    message(seq, of: book[seq].person, size: size, ticks: ticks) { $0.addDropped(.ringFull, to: recorder.direct) }
                }
                book.isWithinBatch = false
                return dropped(.batchEnqueue, seqs.count - from)
            }
            recorder.putBatchHeader(isFirst: from == 0, messages: UInt64(seqs.count), ticks: ticks, at: &position)
            for seq in part { message(seq, of: book[seq].person, size: size, ticks: ticks) { recorder.put($0, at: &position) } }
            if stop == .beforeCommit { return }
            recorder.commit(position)
            recorded(part)
            if stop == .beforeCount { return }
            if from == 0 { Tally.batchCall(messages: UInt64(seqs.count), into: recorder.ringed) }
            for seq in part { message(seq, of: book[seq].person, size: size, ticks: ticks) { recorder.count($0) } }
            from += part.count
            // The drain does not wait for the next part.
            book.isWithinBatch = from < seqs.count
            guard book.isWithinBatch else { continue }
            // Nor do other threads.
            if slots.count > 1, chance(2) { single(.fetch, (slot + 1) % slots.count, .nowhere) }
            if chance(2) { isBegunInLog = flush() }
        } while from < seqs.count
        if isBegunInLog, !isQuiet, chance(2) { failBehindBatch(slot) }
    }

    /// Another batch behind one whose beginning is in the log, and a flush of both that fails: the next one finds the rest of the
    /// former first.
    private func failBehindBatch(_ slot: Int) {
        batch(slot, .nowhere)
        beginFault()
        _ = flush()
        endFault()
        _ = flush()
    }

    private func message<Result>(
        _ seq: UInt64, of person: Int, size: UInt64, ticks: UInt64, _ body: (Record) -> Result
    ) -> Result {
        Self.key(of: person).withUnsafeBufferPointer {
            let person = RecordField.key($0.baseAddress, $0.count)
            return body(Record(.batchEnqueue, ticks: ticks, person, person, number: size, seq: seq))
        }
    }
}
