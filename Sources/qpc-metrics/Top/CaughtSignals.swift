import Glibc
import Synchronization

/// Signals that have come and wait to be dealt with, a bit each.
private let arrived = Atomic<UInt64>(0)

/// Lets signals come only while the program waits for keys: so none is missed between a look and the wait, and none
/// leaves the terminal as it is.
struct CaughtSignals {
    /// These end the program, or stop it, or tell of a new size; whatever was ignored at start stays so.
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

    /// Waits for bytes on standard input, for a signal or for the time to pass.
    ///
    /// - Returns: whether there is something to read, or the other end has gone.
    func waitForInput(milliseconds: Int) -> Bool {
        var inputs = fd_set()
        // Standard input is number 0, the lowest bit.
        withUnsafeMutableBytes(of: &inputs) { $0[0] = 1 }
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        var mask = before
        return pselect(STDIN_FILENO + 1, &inputs, nil, nil, &time, &mask) > 0
    }

    /// Whether the signal has come since the last time that it was asked for.
    func take(_ number: Int32) -> Bool {
        let bit: UInt64 = 1 << UInt64(number)
        return arrived.bitwiseAnd(~bit, ordering: .relaxed).oldValue & bit != 0
    }

    /// The first of those that end a program, if one has come.
    func takeEnding() -> Int32? { [SIGTERM, SIGHUP, SIGQUIT, SIGINT].first { take($0) } }

    /// Does what the signal does by itself: ends the program with its status, or stops it until it is told to go on.
    func obey(_ number: Int32) {
        signal(number, SIG_DFL)
        raise(number)
        var mask = sigset_t()
        sigemptyset(&mask)
        sigaddset(&mask, number)
        sigprocmask(SIG_UNBLOCK, &mask, nil)
        // Here again after a stop.
        sigprocmask(SIG_BLOCK, &mask, nil)
        _ = Self.catchIt(number)
    }
}
