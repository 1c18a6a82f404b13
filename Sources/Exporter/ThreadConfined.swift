import NIOPosix

/// A value that only one thread uses: the state that a pool of one thread works on.
final class ThreadConfined<Value>: @unchecked Sendable {
    // SAFETY: accessed only in `run`'s jobs, which a pool of one thread runs one after another.
    private let value: Value
    private let pool: NIOThreadPool

    init(_ value: sending Value, on pool: NIOThreadPool) {
        self.value = value
        self.pool = pool
    }

    /// Runs a job on the thread; drops it once the pool has shut down.
    func run(_ job: @escaping @Sendable (Value) -> Void) {
        pool.submit { [self] state in
            if case .active = state { job(value) }
        }
    }
}
