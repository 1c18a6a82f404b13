import CMachine
import CMetricsLayout
import CPluginABI
import MetricsMemory
import MetricsModel
import Synchronization

// The hooks, on the server's threads. Each is one straight line: read the clock, claim room in the thread's ring,
// write, commit, count. No allocation, lock, system call or trap; what does not fit is counted as dropped.
//
// They are functions with C names, not closures: a closure's C thunk would not inline the thread-local and the tick
// counter.

/// Asks for the hook's duration in one of 1,024 calls: the ones whose number, before counting, ends in ten zeros.
@inline(__always)
private func isSampled(_ calls: UInt64) -> Bool { calls & 1023 == 0 }

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

@inline(__always)
private func flags(yes: Bool, repaired: Bool) -> UInt8 {
    (yes ? 1 : 0) | (repaired ? 2 : 0)
}

// MARK: on_message_enqueue

@c(qpcm_hook_message)
func hookMessage(_ userData: UnsafeMutableRawPointer?, _ event: UnsafePointer<qpc_message_event>?) -> Int32 {
    guard let userData, let event else { return 0 }
    let state = HookState.of(userData)
    let start = TickClock.ticks(state.pointee.clock)
    let sender = RecordField.key(event.pointee.sender_identity, event.pointee.sender_identity_len)
    let recipient = RecordField.key(event.pointee.recipient_key, event.pointee.recipient_key_len)
    let channel = RecordField.key(event.pointee.channel_id, event.pointee.channel_id_len)
    let bytes = UInt64(truncatingIfNeeded: event.pointee.payload_len)
    let isIndexed = sender.count == 0
    guard let ring = producer(state) else {
        guard isAlive(state) else { return 0 }
        Tally.message(.single, bytes: bytes, sealed: isIndexed, into: state.pointee.overflow)
        state.pointee.overflow.add(1, to: CounterIndex.dropped(.messageEnqueue, .noSlot))
        return 0
    }
    let need = RingProducer.recordBytes(fields: sender.count &+ recipient.count &+ channel.count)
    guard var position = ring.claim(need) else {
        Tally.message(.single, bytes: bytes, sealed: isIndexed, into: ring.direct)
        ring.direct.increment(CounterIndex.dropped(.messageEnqueue, .ringFull))
        return 0
    }
    ring.put(
        kind: UInt8(truncatingIfNeeded: QPCM_RECORD_MESSAGE),
        flags: flags(yes: false, repaired: sender.repaired || recipient.repaired || channel.repaired),
        ticks: start, a: bytes, b: event.pointee.seq, sender, recipient, channel, at: &position)
    ring.commit(position)
    let counters = ring.ringed
    let sampled = isSampled(counters.value(CounterIndex.events(.messageEnqueue)))
    Tally.recorded(.messageEnqueue, into: counters)
    Tally.message(.single, bytes: bytes, sealed: isIndexed, into: counters)
    if sampled { sampleDuration(.messageEnqueue, since: start, state, ring.direct) }
    return 0
}

@inline(never)
func isAlive(_ state: UnsafeMutablePointer<HookState>) -> Bool {
    state.pointee.session.load(ordering: .relaxed) != 0
}

// MARK: on_auth

@c(qpcm_hook_auth)
func hookAuth(_ userData: UnsafeMutableRawPointer?, _ event: UnsafePointer<qpc_auth_event>?) {
    guard let userData, let event else { return }
    let state = HookState.of(userData)
    let start = TickClock.ticks(state.pointee.clock)
    let user = RecordField.text(event.pointee.username, event.pointee.username_len)
    let reason = RecordField.text(event.pointee.failure_reason, event.pointee.failure_reason_len)
    let ok = event.pointee.success != 0
    let failure = ok ? FailureClass.other : FailureClass(reason: reason.bytes)
    guard let ring = producer(state) else {
        guard isAlive(state) else { return }
        Tally.auth(ok: ok, failure: failure, into: state.pointee.overflow)
        state.pointee.overflow.add(1, to: CounterIndex.dropped(.auth, .noSlot))
        return
    }
    guard var position = ring.claim(RingProducer.recordBytes(fields: user.count &+ reason.count)) else {
        Tally.auth(ok: ok, failure: failure, into: ring.direct)
        ring.direct.increment(CounterIndex.dropped(.auth, .ringFull))
        return
    }
    ring.put(
        kind: UInt8(truncatingIfNeeded: QPCM_RECORD_AUTH),
        flags: flags(yes: ok, repaired: user.repaired || reason.repaired), ticks: start,
        detail: UInt16(truncatingIfNeeded: failure.rawValue), user, reason, .absent, at: &position)
    ring.commit(position)
    let counters = ring.ringed
    let sampled = isSampled(counters.value(CounterIndex.events(.auth)))
    Tally.recorded(.auth, into: counters)
    Tally.auth(ok: ok, failure: failure, into: counters)
    if sampled { sampleDuration(.auth, since: start, state, ring.direct) }
}

// MARK: on_channel_created

@c(qpcm_hook_channel)
func hookChannel(_ userData: UnsafeMutableRawPointer?, _ event: UnsafePointer<qpc_channel_event>?) {
    guard let userData, let event else { return }
    let state = HookState.of(userData)
    let start = TickClock.ticks(state.pointee.clock)
    let channel = RecordField.key(event.pointee.channel_id, event.pointee.channel_id_len)
    let initiator = RecordField.key(event.pointee.initiator_key, event.pointee.initiator_key_len)
    let peer = RecordField.key(event.pointee.peer_key, event.pointee.peer_key_len)
    let isNew = event.pointee.was_new != 0
    guard let ring = producer(state) else {
        guard isAlive(state) else { return }
        Tally.channel(new: isNew, into: state.pointee.overflow)
        state.pointee.overflow.add(1, to: CounterIndex.dropped(.channelCreated, .noSlot))
        return
    }
    let need = RingProducer.recordBytes(fields: channel.count &+ initiator.count &+ peer.count)
    guard var position = ring.claim(need) else {
        Tally.channel(new: isNew, into: ring.direct)
        ring.direct.increment(CounterIndex.dropped(.channelCreated, .ringFull))
        return
    }
    ring.put(
        kind: UInt8(truncatingIfNeeded: QPCM_RECORD_CHANNEL),
        flags: flags(yes: isNew, repaired: channel.repaired || initiator.repaired || peer.repaired),
        ticks: start, channel, initiator, peer, at: &position)
    ring.commit(position)
    let counters = ring.ringed
    let sampled = isSampled(counters.value(CounterIndex.events(.channelCreated)))
    Tally.recorded(.channelCreated, into: counters)
    Tally.channel(new: isNew, into: counters)
    if sampled { sampleDuration(.channelCreated, since: start, state, ring.direct) }
}

// MARK: on_fetch

@c(qpcm_hook_fetch)
func hookFetch(_ userData: UnsafeMutableRawPointer?, _ event: UnsafePointer<qpc_fetch_event>?) {
    guard let userData, let event else { return }
    let state = HookState.of(userData)
    let start = TickClock.ticks(state.pointee.clock)
    let recipient = RecordField.key(event.pointee.recipient_key, event.pointee.recipient_key_len)
    let channel = RecordField.key(event.pointee.channel_id, event.pointee.channel_id_len)
    let messages = UInt64(truncatingIfNeeded: event.pointee.message_count)
    guard let ring = producer(state) else {
        guard isAlive(state) else { return }
        Tally.fetch(messages: messages, into: state.pointee.overflow)
        state.pointee.overflow.add(1, to: CounterIndex.dropped(.fetch, .noSlot))
        return
    }
    guard var position = ring.claim(RingProducer.recordBytes(fields: recipient.count &+ channel.count)) else {
        Tally.fetch(messages: messages, into: ring.direct)
        ring.direct.increment(CounterIndex.dropped(.fetch, .ringFull))
        return
    }
    ring.put(
        kind: UInt8(truncatingIfNeeded: QPCM_RECORD_FETCH),
        flags: flags(yes: false, repaired: recipient.repaired || channel.repaired), ticks: start, a: messages,
        recipient, channel, .absent, at: &position)
    ring.commit(position)
    let counters = ring.ringed
    let sampled = isSampled(counters.value(CounterIndex.events(.fetch)))
    Tally.recorded(.fetch, into: counters)
    Tally.fetch(messages: messages, into: counters)
    if sampled { sampleDuration(.fetch, since: start, state, ring.direct) }
}

// MARK: on_user_registered

@c(qpcm_hook_registered)
func hookRegistered(
    _ userData: UnsafeMutableRawPointer?, _ username: UnsafePointer<UInt8>?, _ usernameLength: Int,
    _ identityKey: UnsafePointer<UInt8>?, _ identityKeyLength: Int
) {
    guard let userData else { return }
    let state = HookState.of(userData)
    let start = TickClock.ticks(state.pointee.clock)
    let user = RecordField.text(username, usernameLength)
    let identity = RecordField.key(identityKey, identityKeyLength)
    guard let ring = producer(state) else {
        guard isAlive(state) else { return }
        state.pointee.overflow.add(1, to: CounterIndex.dropped(.userRegistered, .noSlot))
        return
    }
    guard var position = ring.claim(RingProducer.recordBytes(fields: user.count &+ identity.count)) else {
        ring.direct.increment(CounterIndex.dropped(.userRegistered, .ringFull))
        return
    }
    ring.put(
        kind: UInt8(truncatingIfNeeded: QPCM_RECORD_REGISTERED),
        flags: flags(yes: false, repaired: user.repaired || identity.repaired), ticks: start, user, identity,
        .absent, at: &position)
    ring.commit(position)
    let counters = ring.ringed
    let sampled = isSampled(counters.value(CounterIndex.events(.userRegistered)))
    Tally.recorded(.userRegistered, into: counters)
    if sampled { sampleDuration(.userRegistered, since: start, state, ring.direct) }
}
