import CMachine
import CMetricsLayout
import MetricsMemory
import Synchronization

/// The running instances of this process: usually one.
enum InstanceTable {
    static let limit = 8

    nonisolated(unsafe) private static var mutex = pthread_mutex_t()
    nonisolated(unsafe) private static var instances: [PluginInstance] = []
    nonisolated(unsafe) private static var sessions: UInt64 = 0
    nonisolated(unsafe) private static var isWatchingForks = false

    static func add(_ instance: PluginInstance) -> Bool {
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        guard instances.count < limit else { return false }
        instances.append(instance)
        if !isWatchingForks {
            isWatchingForks = true
            // The library is never unloaded, so the handler stays valid.
            _ = pthread_atfork(
                { pthread_mutex_lock(&InstanceTable.mutex) }, { pthread_mutex_unlock(&InstanceTable.mutex) },
                { InstanceTable.enterChild() })
        }
        return true
    }

    static func remove(_ instance: PluginInstance) {
        pthread_mutex_lock(&mutex)
        instances.removeAll { $0 === instance }
        pthread_mutex_unlock(&mutex)
    }

    /// A different number for every init in the process; never 0.
    static func nextSession() -> UInt64 {
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        sessions += 1
        return sessions
    }

    /// Gives a slot back if it is in the mapping of an instance that still runs.
    static func giveBack(_ slot: UnsafeMutableRawPointer) {
        pthread_mutex_lock(&mutex)
        for instance in instances where instance.isOurs && instance.live.contains(slot) {
            instance.live.giveBack(slot)
        }
        pthread_mutex_unlock(&mutex)
    }

    private static func enterChild() {
        pthread_mutex_unlock(&mutex)
        for instance in instances { instance.becomeInert() }
    }
}

/// What happens when a server thread that called a hook ends: its slot goes to the next thread.
enum ThreadExit {
    /// The C library calls this with the thread's slot. An instance that is being destroyed is no longer in the table,
    /// and its memory is not touched: the table's lock decides.
    static func giveBack(_ slot: UnsafeMutableRawPointer?) {
        guard let slot else { return }
        // A later destructor of this thread may call a hook: it must not write to a slot that now belongs to another thread.
        let thread = qpcm_thread_current()!
        thread.pointee.session = 0
        thread.pointee.slot = nil
        InstanceTable.giveBack(slot)
    }
}
