import CMachine
import CMetricsLayout
import MetricsMemory
import Synchronization

/// What a hook reads of its plugin instance: the server's `user_data` points here. Only the session number changes
/// after init.
struct HookState: ~Copyable {
    /// Which init of the process this is; 0 once it is over, or in a forked child, where hooks do nothing.
    let session: Atomic<UInt64>
    /// QPCM_CLOCK_*.
    let clock: UInt64
    /// Nanoseconds per tick, times 2^32.
    let tickScale: UInt64
    let overflow: SharedCounterBlock
    /// The key under which a thread keeps its slot, for threads that use several instances in turn.
    let key: pthread_key_t
    let instance: Unmanaged<PluginInstance>

    static func of(_ userData: UnsafeMutableRawPointer) -> UnsafeMutablePointer<HookState> {
        userData.assumingMemoryBound(to: HookState.self)
    }
}

/// The calling thread's recorder, or nil if it has no slot: then its events are counted as dropped.
@inline(__always)
func recorder(_ state: UnsafeMutablePointer<HookState>) -> Recorder? {
    // SAFETY: the thread's own variable; its slot is valid as long as its session equals the state's.
    let thread = qpcm_thread_current()!
    if thread.pointee.session == state.pointee.session.load(ordering: .relaxed), let slot = thread.pointee.slot {
        return Recorder(slot: slot)
    }
    guard let slot = findSlot(state, thread) else { return nil }
    return Recorder(slot: slot)
}

/// For the first call of a thread, for one that uses several instances, and for one that found no slot before.
@inline(never)
func findSlot(
    _ state: UnsafeMutablePointer<HookState>, _ thread: UnsafeMutablePointer<qpcm_thread>
) -> UnsafeMutableRawPointer? {
    let session = state.pointee.session.load(ordering: .acquiring)
    guard session != 0 else { return nil }
    let isKnown = thread.pointee.session == session
    if isKnown {
        // It found none before. The search is expensive, so it is repeated only now and then.
        thread.pointee.calls_to_retry &-= 1
        if thread.pointee.calls_to_retry != 0 { return nil }
    }
    thread.pointee.calls_to_retry = 256
    thread.pointee.slot = pthread_getspecific(state.pointee.key)
    thread.pointee.session = session
    if let slot = thread.pointee.slot { return slot }

    let live = state.pointee.instance._withUnsafeGuaranteedRef { $0.live }
    guard let slot = live.takeFreeSlot() ?? (isKnown ? nil : live.makeSlot(owned: true)) else {
        return nil
    }
    // Gives the slot back when the thread ends. A failure here costs the slot, nothing else.
    _ = pthread_setspecific(state.pointee.key, slot)
    thread.pointee.slot = slot
    return slot
}
