import CMachine
import CMetricsLayout
import CPluginABI
import MetricsMemory
import MetricsModel

// on_batch_enqueue: one clock read and, for a batch that fits, one claim and one commit, so that a batch is in the log
// as a whole or, counted to the message, not at all. One that is larger than half of the ring goes in parts.

/// No server hands over more in one call; a count beyond it is a fault of the caller's, and is taken as 0.
private var absurdCount: Int { @inline(__always) get { 1 << 32 } }

@inline(__always)
private func fields(_ event: UnsafePointer<qpc_message_event>) -> (RecordField, RecordField, RecordField) {
    (
        .key(event.pointee.sender_identity, event.pointee.sender_identity_len),
        .key(event.pointee.recipient_key, event.pointee.recipient_key_len),
        .key(event.pointee.channel_id, event.pointee.channel_id_len)
    )
}

@inline(__always)
private func tally(_ events: UnsafePointer<qpc_message_event>, from: Int, to: Int, into sink: some CounterSink) {
    var index = from
    while index < to {
        let event = events + index
        let sender = RecordField.key(event.pointee.sender_identity, event.pointee.sender_identity_len)
        Tally.message(
            .batch, bytes: UInt64(truncatingIfNeeded: event.pointee.payload_len), sealed: sender.count == 0,
            into: sink)
        index &+= 1
    }
}

@c(qpcm_hook_batch)
func hookBatch(_ userData: UnsafeMutableRawPointer?, _ events: UnsafePointer<qpc_message_event>?, _ given: Int) {
    guard let userData else { return }
    let state = HookState.of(userData)
    let start = TickClock.ticks(state.pointee.clock)
    var count = given < 0 || given > absurdCount ? 0 : given
    let messages: UnsafePointer<qpc_message_event>
    if let events {
        messages = events
    } else {
        // Something to point at; with a count of 0 it is never looked at.
        count = 0
        messages = UnsafeRawPointer(state).assumingMemoryBound(to: qpc_message_event.self)
    }
    guard let ring = producer(state) else {
        guard isAlive(state) else { return }
        let shared = state.pointee.overflow
        Tally.batchCall(messages: UInt64(truncatingIfNeeded: count), into: shared)
        tally(messages, from: 0, to: count, into: shared)
        shared.add(UInt64(truncatingIfNeeded: count), to: CounterIndex.dropped(.batchEnqueue, .noSlot))
        return
    }

    let partLimit = ring.ringBytes >> 1
    var from = 0
    var isFirst = true
    repeat {
        // What belongs to this part, and how much room it takes.
        var to = from
        var need = RingProducer.recordBytes(fields: 0)
        while to < count {
            let (sender, recipient, channel) = fields(messages + to)
            let more = RingProducer.recordBytes(fields: sender.count &+ recipient.count &+ channel.count)
            if need &+ more > partLimit { break }
            need = need &+ more
            to &+= 1
        }
        guard var position = ring.claim(need) else {
            drop(messages, from: from, count: count, isWhole: isFirst, ring.direct)
            return
        }
        ring.put(
            kind: UInt8(truncatingIfNeeded: isFirst ? QPCM_RECORD_BATCH_BEGIN : QPCM_RECORD_BATCH_GOES_ON),
            flags: 0, ticks: start, a: UInt64(truncatingIfNeeded: count), .absent, .absent, .absent,
            at: &position)
        var index = from
        while index < to {
            let event = messages + index
            let (sender, recipient, channel) = fields(event)
            let repaired = sender.repaired || recipient.repaired || channel.repaired
            ring.put(
                kind: UInt8(truncatingIfNeeded: QPCM_RECORD_BATCH_MESSAGE), flags: repaired ? 2 : 0, ticks: start,
                a: UInt64(truncatingIfNeeded: event.pointee.payload_len), b: event.pointee.seq,
                sender, recipient, channel, at: &position)
            index &+= 1
        }
        ring.commit(position)
        if isFirst { Tally.batchCall(messages: UInt64(truncatingIfNeeded: count), into: ring.ringed) }
        Tally.recorded(.batchEnqueue, events: UInt64(truncatingIfNeeded: to &- from), into: ring.ringed)
        tally(messages, from: from, to: to, into: ring.ringed)
        from = to
        isFirst = false
    } while from < count

    let counters = ring.ringed
    if counters.value(CounterIndex.calls(.batchEnqueue)) & 1023 == 1 {
        sampleDuration(.batchEnqueue, since: start, state, ring.direct)
    }
}

@inline(never)
private func drop(
    _ messages: UnsafePointer<qpc_message_event>, from: Int, count: Int, isWhole: Bool, _ counters: CounterBlock
) {
    if isWhole { Tally.batchCall(messages: UInt64(truncatingIfNeeded: count), into: counters) }
    tally(messages, from: from, to: count, into: counters)
    counters.add(
        UInt64(truncatingIfNeeded: count &- from), to: CounterIndex.dropped(.batchEnqueue, .ringFull))
}
