import CMachine
import CPluginABI
import MetricsMemory
import MetricsModel

// on_batch_enqueue: one clock read and, for a batch that fits, one claim and one commit, so that a batch is logged as a whole or,
// counted to the message, not at all. A batch larger than half the ring goes in parts.

/// No server passes more in one call: a larger count is a bug in the caller, and counts as 0.
private var absurdCount: Int { @inline(__always) get { 1 << 32 } }

@inline(__always)
private func addContents(_ events: UnsafePointer<qpc_message_event>, from: Int, to: Int, to sink: some CounterSink) {
    var index = from
    while index < to {
        Record(.batchEnqueue, ticks: 0, events + index).addContents(to: sink)
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
        // Any valid address: a count of 0 never reads it.
        count = 0
        messages = UnsafeRawPointer(state).assumingMemoryBound(to: qpc_message_event.self)
    }
    guard let recorder = recorder(state) else {
        guard isAlive(state) else { return }
        let shared = state.pointee.overflow
        Tally.batchCall(messages: UInt64(truncatingIfNeeded: count), into: shared)
        addContents(messages, from: 0, to: count, to: shared)
        shared.add(UInt64(truncatingIfNeeded: count), to: CounterIndex.dropped(.batchEnqueue, .noSlot))
        return
    }

    let partLimit = recorder.ringBytes >> 1
    var from = 0
    var isFirst = true
    repeat {
        // What belongs to this part, and how much space it takes.
        var to = from
        var need = Recorder.batchHeaderBytes
        while to < count {
            let more = Record(.batchEnqueue, ticks: start, messages + to).bytes
            if need &+ more > partLimit { break }
            need = need &+ more
            to &+= 1
        }
        guard var position = recorder.claim(need) else {
            drop(messages, from: from, count: count, isWhole: isFirst, recorder.direct)
            return
        }
        recorder.putBatchHeader(
            isFirst: isFirst, messages: UInt64(truncatingIfNeeded: count), ticks: start, at: &position)
        var index = from
        while index < to {
            recorder.put(Record(.batchEnqueue, ticks: start, messages + index), at: &position)
            index &+= 1
        }
        recorder.commit(position)
        let counters = recorder.ringed
        if isFirst { Tally.batchCall(messages: UInt64(truncatingIfNeeded: count), into: counters) }
        Tally.recorded(.batchEnqueue, events: UInt64(truncatingIfNeeded: to &- from), into: counters)
        addContents(messages, from: from, to: to, to: counters)
        from = to
        isFirst = false
    } while from < count

    if recorder.ringed.value(CounterIndex.calls(.batchEnqueue)) & 1023 == 1 {
        sampleDuration(.batchEnqueue, since: start, state, recorder.direct)
    }
}

@inline(never)
private func drop(
    _ messages: UnsafePointer<qpc_message_event>, from: Int, count: Int, isWhole: Bool, _ counters: CounterBlock
) {
    if isWhole { Tally.batchCall(messages: UInt64(truncatingIfNeeded: count), into: counters) }
    addContents(messages, from: from, to: count, to: counters)
    counters.add(
        UInt64(truncatingIfNeeded: count &- from), to: CounterIndex.dropped(.batchEnqueue, .ringFull))
}
