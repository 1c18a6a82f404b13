import Glibc
import Synchronization

/// Signals that have arrived but are not handled yet, one bit each.
private let arrived = Atomic<UInt64>(0)

/// Blocks signals except while the program waits for keys, so that none is missed before the wait, and none ends the
/// program before the terminal is restored.
struct CaughtSignals {
    /// Signals that end or stop the program, or announce a new size. Those ignored at the start stay ignored.
    private static let caught = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP]
    private var before = sigset_t()

    init() {
        var blocked = sigset_t()
        sigemptyset(&blocked)
        for number in Self.caught where Self.catchIt(number) { sigaddset(&blocked, number) }
        sigprocmask(SIG_BLOCK, &blocked, &before)
    }

    private static func catchIt(_ number: Int32) -> Bool {
        var old = sigaction()
        sigaction(number, nil, &old)
        // The union's first member is the plain handler.
        let isIgnored = unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) == 1
        guard !isIgnored else { return false }
        signal(number) { arrived.bitwiseOr(1 << UInt64($0), ordering: .relaxed) }
        return true
    }

    /// Waits for bytes on standard input, a signal or the timeout.
    ///
    /// - Returns: whether there are bytes to read, or the other end has gone.
    func waitForInput(milliseconds: Int) -> Bool {
        var inputs = fd_set()
        // Standard input is number 0, the lowest bit.
        withUnsafeMutableBytes(of: &inputs) { $0[0] = 1 }
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        var mask = before
        return pselect(STDIN_FILENO + 1, &inputs, nil, nil, &time, &mask) > 0
    }

    /// Whether the signal has arrived since the last call for it.
    func take(_ number: Int32) -> Bool {
        let bit: UInt64 = 1 << UInt64(number)
        return arrived.bitwiseAnd(~bit, ordering: .relaxed).oldValue & bit != 0
    }

    /// The first signal that ends the program, if one has arrived.
    func takeEnding() -> Int32? { [SIGTERM, SIGHUP, SIGQUIT, SIGINT].first { take($0) } }

    /// The signal's default action: ends the program with the signal's status, or stops it until it is continued.
    func obey(_ number: Int32) {
        signal(number, SIG_DFL)
        raise(number)
        var mask = sigset_t()
        sigemptyset(&mask)
        sigaddset(&mask, number)
        sigprocmask(SIG_UNBLOCK, &mask, nil)
        // Reached after a stop, once continued.
        sigprocmask(SIG_BLOCK, &mask, nil)
        _ = Self.catchIt(number)
    }
}
