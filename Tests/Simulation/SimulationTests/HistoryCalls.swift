import CMetricsLayout
import MetricsMemory
import MetricsModel
import TestSupport

/// Hooks as they record: one claim, the records, one commit, then the counters.
extension History {
    /// Where a kill stops a call.
    enum Stop {
        case nowhere
        /// The records are written, and nobody may see them.
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

    private func passTime() {
        book.clock += below(3_000_000_000)
        guard chance(60) else { return }
        counts.clockJumps += 1
        let jump = below(20 * 86_400) * 1_000_000_000
        book.clock = chance(2) ? book.clock + jump : book.clock - min(jump, book.clock / 2)
    }

    private func newEvent(_ kind: EventKind, _ slot: Int, bytes: UInt64, call: UInt64 = 0) -> UInt64 {
        book.add(
            .init(
                kind: kind, slot: slot, time: Int64(book.clock / 1000), person: Int(below(UInt64(Self.people))),
                bytes: bytes, call: call))
    }

    private func single(_ kind: EventKind, _ slot: Int, _ stop: Stop) {
        let producer = RingProducer(slot: slots[slot])
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
                    let fields: (RecordField, RecordField, RecordField)
                    switch kind {
                    case .messageEnqueue, .batchEnqueue: fields = (person, person, .absent)
                    case .auth: fields = (named, said, .absent)
                    case .channelCreated: fields = (named, person, .absent)
                    case .fetch: fields = (person, .absent, .absent)
                    case .userRegistered: fields = (named, person, .absent)
                    }
                    let bytes = RingProducer.recordBytes(fields: fields.0.count + fields.1.count + fields.2.count)
                    guard var position = producer.claim(bytes) else {
                        tally(kind, seq, yes: yes, into: producer.direct)
                        return drop(kind, 1, producer.direct)
                    }
                    producer.put(
                        kind: kind.rawValue + 1, flags: yes ? UInt8(QPCM_RECORD_FLAG_YES) : 0, ticks: book.clock,
                        detail: UInt16(FailureClass.other.rawValue), a: kind == .fetch ? seq : size,
                        b: kind == .messageEnqueue ? seq : 0, fields.0, fields.1,
                        fields.2, at: &position)
                    if stop == .beforeCommit { return }
                    producer.commit(position)
                    recorded([seq])
                    if stop == .beforeCount { return }
                    Tally.recorded(kind, into: producer.ringed)
                    tally(kind, seq, yes: yes, into: producer.ringed)
                }
            }
        }
    }

    private func tally(_ kind: EventKind, _ seq: UInt64, yes: Bool, into sink: CounterBlock) {
        switch kind {
        case .messageEnqueue: Tally.message(.single, bytes: book[seq].bytes, sealed: false, into: sink)
        case .batchEnqueue: Tally.message(.batch, bytes: book[seq].bytes, sealed: false, into: sink)
        case .auth: Tally.auth(ok: yes, failure: .other, into: sink)
        case .channelCreated: Tally.channel(new: yes, into: sink)
        case .fetch: Tally.fetch(messages: seq, into: sink)
        case .userRegistered: break
        }
    }

    private func recorded(_ seqs: [UInt64]) {
        book.returned.formUnion(seqs)
        book.undrained.formUnion(seqs)
    }

    private func drop(_ kind: EventKind, _ count: Int, _ counters: CounterBlock) {
        counters.add(UInt64(count), to: CounterIndex.dropped(kind, .ringFull))
        book.dropped[kind.index] += UInt64(count)
        counts.dropped += count
    }

    /// A batch that is larger than half of the ring goes in parts.
    private func batch(_ slot: Int, _ stop: Stop) {
        let producer = RingProducer(slot: slots[slot])
        let size = below(5000)
        let each = RingProducer.recordBytes(fields: 64)
        let head = RingProducer.recordBytes(fields: 0)
        let perPart = Int((producer.ringBytes / 2 - head) / each)
        // A call that a kill stops is of one part, so that whatever batch the log has is whole.
        let count = min(Int(below(60)), stop == .nowhere ? Int.max : perPart)
        let first = UInt64(book.entries.count + 1)
        let seqs = (0..<count).map { _ in newEvent(.batchEnqueue, slot, bytes: size, call: first) }
        var from = 0
        repeat {
            let part = Array(seqs[from..<min(from + perPart, seqs.count)])
            guard var position = producer.claim(head + UInt64(part.count) * each) else {
                if from == 0 { Tally.batchCall(messages: UInt64(seqs.count), into: producer.direct) }
                for seq in seqs[from...] { tally(.batchEnqueue, seq, yes: false, into: producer.direct) }
                book.isWithinBatch = false
                return drop(.batchEnqueue, seqs.count - from, producer.direct)
            }
            producer.put(
                kind: UInt8(from == 0 ? QPCM_RECORD_BATCH_BEGIN : QPCM_RECORD_BATCH_GOES_ON), flags: 0, ticks: book.clock,
                a: UInt64(seqs.count), .absent, .absent, .absent, at: &position)
            for seq in part {
                Self.key(of: book[seq].person).withUnsafeBufferPointer { key in
                    let person = RecordField.key(key.baseAddress, key.count)
                    producer.put(
                        kind: UInt8(QPCM_RECORD_BATCH_MESSAGE), flags: 0, ticks: book.clock, a: size, b: seq, person,
                        person, .absent, at: &position)
                }
            }
            if stop == .beforeCommit { return }
            producer.commit(position)
            recorded(part)
            if stop == .beforeCount { return }
            if from == 0 { Tally.batchCall(messages: UInt64(seqs.count), into: producer.ringed) }
            Tally.recorded(.batchEnqueue, events: UInt64(part.count), into: producer.ringed)
            for seq in part { tally(.batchEnqueue, seq, yes: false, into: producer.ringed) }
            from += part.count
            // The drain does not wait for the next part.
            book.isWithinBatch = from < seqs.count
            if book.isWithinBatch, chance(2) { _ = flush() }
        } while from < seqs.count
    }
}
