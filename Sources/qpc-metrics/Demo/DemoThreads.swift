import Glibc
import Synchronization

/// Runs the traffic on several threads, like a server's workers, and adds up their calls.
final class DemoThreads: Sendable {
    private let host: PluginHost
    private let calls: Int
    private let seed: UInt64
    private let total = Mutex(DemoCalls())
    private let started = Atomic<Int>(0)

    init(host: PluginHost, calls: Int, seed: UInt64) {
        self.host = host
        self.calls = calls
        self.seed = seed
    }

    /// Returns when all threads have ended.
    func run(threads count: Int) throws -> DemoCalls {
        var threads: [pthread_t] = []
        for _ in 0..<count {
            var thread = pthread_t()
            let code = pthread_create(
                &thread, nil,
                { argument in
                    Unmanaged<DemoThreads>.fromOpaque(argument!).takeUnretainedValue().work()
                    return nil
                }, Unmanaged.passUnretained(self).toOpaque())
            guard code == 0 else {
                throw Failure(Failure.somethingWrong, "cannot start a thread: \(String(cString: strerror(code)))")
            }
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
        return total.withLock { $0 }
    }

    private func work() {
        let index = started.wrappingAdd(1, ordering: .relaxed).oldValue
        var traffic = DemoTraffic(host: host, seed: seed, thread: index)
        for _ in 0..<calls { traffic.call() }
        total.withLock { $0 += traffic.calls }
    }
}
