import NIOPosix

/// A value that one thread makes, uses and keeps: what a pool of one thread works on.
final class ThreadConfined<Value>: @unchecked Sendable {
    // SAFETY: touched only inside of `run`'s jobs, which a pool of one thread runs one after another.
    private let value: Value
    private let pool: NIOThreadPool

    init(_ value: sending Value, on pool: NIOThreadPool) {
        self.value = value
        self.pool = pool
    }

    /// Runs a job on the thread; never, once the pool has ended.
    func run(_ job: @escaping @Sendable (Value) -> Void) {
        pool.submit { [self] state in
            if case .active = state { job(value) }
        }
    }
}
