import CMachine
import MetricsMemory

/// The plugin's one thread, which runs a turn of `DrainLoop` every 50 ms or sooner. All signals are blocked in it, and its
/// name is `qpc-metrics`.
///
/// The server's threads never wake it, as that would be a system call. `flush` and `stop` do.
public final class DrainThread: @unchecked Sendable {
    /// Owned by the thread once it runs.
    private let loop: DrainLoop

    private var thread = pthread_t()
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let done = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    // Guarded by the mutex.
    private var flushesAsked: UInt64 = 0
    private var flushesDone: UInt64 = 0
    private var isStopping = false

    private var oldLive: LiveFileReader?

    /// - Parameter oldLive: a dead server's file. Freeing its memory takes some milliseconds; no start should wait for it.
    public init(_ loop: DrainLoop, freeing oldLive: LiveFileReader? = nil) {
        self.loop = loop
        self.oldLive = oldLive
        pthread_mutex_init(mutex, nil)
        qpcm_condition_init(wake)
        qpcm_condition_init(done)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(wake)
        pthread_cond_destroy(done)
        mutex.deallocate()
        wake.deallocate()
        done.deallocate()
    }

    /// - Returns: 0, or the system's error number.
    public func start() -> Int32 {
        loop.announce()
        // The thread inherits the signal mask it is created under: none of the server's signals is ever delivered to it.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<DrainThread>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        pthread_sigmask(SIG_SETMASK, &before, nil)
        if code != 0 {
            Unmanaged.passUnretained(self).release()
            return code
        }
        qpcm_name_thread(thread, "qpc-metrics")
        return 0
    }

    /// Returns once every event whose hook returned before the call is in the log and on the disk, or once that has failed
    /// and been reported. Any thread; blocks.
    public func flush() {
        pthread_mutex_lock(mutex)
        flushesAsked += 1
        let ticket = flushesAsked
        pthread_cond_signal(wake)
        while flushesDone < ticket { pthread_cond_wait(done, mutex) }
        pthread_mutex_unlock(mutex)
    }

    /// Drains what is left, and joins the thread. Call once; any thread; blocks.
    public func stop() {
        pthread_mutex_lock(mutex)
        isStopping = true
        pthread_cond_signal(wake)
        pthread_mutex_unlock(mutex)
        pthread_join(thread, nil)
    }

    private func run() {
        oldLive = nil
        loop.begin()
        var isLast = false
        while !isLast {
            pthread_mutex_lock(mutex)
            if !isStopping && flushesAsked == flushesDone { qpcm_condition_wait(wake, mutex, loop.pauseNanoseconds) }
            let asked = flushesAsked
            isLast = isStopping
            let isAsked = isLast || asked != flushesDone
            pthread_mutex_unlock(mutex)

            loop.turn(isAsked: isAsked, isLast: isLast) {
                pthread_mutex_lock(mutex)
                flushesDone = asked
                pthread_cond_broadcast(done)
                pthread_mutex_unlock(mutex)
            }
        }
        loop.end()
    }
}
