import CMachine
import CPluginABI
import MetricsMemory
import MetricsModel
import Synchronization

// The hooks, on the server's threads. Each is one straight line: read the clock, claim room in the thread's ring,
// write, commit, count. No allocation, lock, system call or trap; what does not fit is counted as dropped.
//
// They are functions with C names, not closures: a closure's C thunk would not inline the thread-local and the tick
// counter.

/// Records one event, and in one of 1,024 calls measures how long the hook took.
@inline(__always)
private func record(_ record: Record, since start: UInt64, _ state: UnsafeMutablePointer<HookState>) {
    guard let recorder = recorder(state) else {
        if isAlive(state) { record.addDropped(.noSlot, to: state.pointee.overflow) }
        return
    }
    guard recorder.record(record) else { return }
    if recorder.ringed.value(CounterIndex.events(record.kind)) & 1023 == 1 {
        sampleDuration(record.kind, since: start, state, recorder.direct)
    }
}

@inline(never)
func sampleDuration(
    _ kind: EventKind, since start: UInt64, _ state: UnsafeMutablePointer<HookState>, _ counters: CounterBlock
) {
    let ticks = TickClock.ticks(state.pointee.clock) &- start
    let product = ticks.multipliedFullWidth(by: state.pointee.tickScale)
    let nanoseconds = product.high &<< 32 | product.low &>> 32
    counters.increment(CounterIndex.hookDuration(kind) &+ Histogram.hookDurationBucket(nanoseconds))
    counters.add(Histogram.clamped(nanoseconds), to: CounterIndex.hookDurationSum(kind))
}

@inline(never)
func isAlive(_ state: UnsafeMutablePointer<HookState>) -> Bool {
    state.pointee.session.load(ordering: .relaxed) != 0
}

extension Record {
    /// A message, alone or in a batch.
    @inline(__always)
    init(_ kind: EventKind, ticks: UInt64, _ event: UnsafePointer<qpc_message_event>) {
        self.init(
            kind, ticks: ticks,
            .key(event.pointee.sender_identity, event.pointee.sender_identity_len),
            .key(event.pointee.recipient_key, event.pointee.recipient_key_len),
            .key(event.pointee.channel_id, event.pointee.channel_id_len),
            number: UInt64(truncatingIfNeeded: event.pointee.payload_len), seq: event.pointee.seq)
    }
}

@c(qpcm_hook_message)
func hookMessage(_ userData: UnsafeMutableRawPointer?, _ event: UnsafePointer<qpc_message_event>?) -> Int32 {
    guard let userData, let event else { return 0 }
    let state = HookState.of(userData)
    let start = TickClock.ticks(state.pointee.clock)
    record(Record(.messageEnqueue, ticks: start, event), since: start, state)
    return 0
}

@c(qpcm_hook_auth)
func hookAuth(_ userData: UnsafeMutableRawPointer?, _ event: UnsafePointer<qpc_auth_event>?) {
    guard let userData, let event else { return }
    let state = HookState.of(userData)
    let start = TickClock.ticks(state.pointee.clock)
    let reason = RecordField.text(event.pointee.failure_reason, event.pointee.failure_reason_len)
    let ok = event.pointee.success != 0
    record(
        Record(
            .auth, ticks: start, .text(event.pointee.username, event.pointee.username_len), reason, yes: ok,
            failure: ok ? .other : FailureClass(reason: reason.bytes)),
        since: start, state)
}

@c(qpcm_hook_channel)
func hookChannel(_ userData: UnsafeMutableRawPointer?, _ event: UnsafePointer<qpc_channel_event>?) {
    guard let userData, let event else { return }
    let state = HookState.of(userData)
    let start = TickClock.ticks(state.pointee.clock)
    record(
        Record(
            .channelCreated, ticks: start,
            .key(event.pointee.channel_id, event.pointee.channel_id_len),
            .key(event.pointee.initiator_key, event.pointee.initiator_key_len),
            .key(event.pointee.peer_key, event.pointee.peer_key_len), yes: event.pointee.was_new != 0),
        since: start, state)
}

@c(qpcm_hook_fetch)
func hookFetch(_ userData: UnsafeMutableRawPointer?, _ event: UnsafePointer<qpc_fetch_event>?) {
    guard let userData, let event else { return }
    let state = HookState.of(userData)
    let start = TickClock.ticks(state.pointee.clock)
    record(
        Record(
            .fetch, ticks: start,
            .key(event.pointee.recipient_key, event.pointee.recipient_key_len),
            .key(event.pointee.channel_id, event.pointee.channel_id_len),
            number: UInt64(truncatingIfNeeded: event.pointee.message_count)),
        since: start, state)
}

@c(qpcm_hook_registered)
func hookRegistered(
    _ userData: UnsafeMutableRawPointer?, _ username: UnsafePointer<UInt8>?, _ usernameLength: Int,
    _ identityKey: UnsafePointer<UInt8>?, _ identityKeyLength: Int
) {
    guard let userData else { return }
    let state = HookState.of(userData)
    let start = TickClock.ticks(state.pointee.clock)
    record(
        Record(.userRegistered, ticks: start, .text(username, usernameLength), .key(identityKey, identityKeyLength)),
        since: start, state)
}
