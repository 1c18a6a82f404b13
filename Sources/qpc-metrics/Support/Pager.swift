import Glibc
import Synchronization
import Terminal

/// The running pager's process, for the signal handler; 0 for none.
private let process = Atomic<Int32>(0)

/// The program that shows long output on a terminal page by page. It takes the place of standard output until `finish`.
final class Pager {
    private let command: String
    private let terminal: Int32

    /// What to run: `$QPC_METRICS_PAGER`, else `$PAGER`, else less. Nil for none: the output is not a terminal that can page, or
    /// the variable is empty or `cat`.
    static var wanted: String? {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        let terminal = Environment.value("TERM") ?? ""
        guard terminal != "", terminal != "dumb" else { return nil }
        if let chosen = Environment.value("QPC_METRICS_PAGER") ?? Environment.value("PAGER") {
            return chosen.allSatisfy(\.isWhitespace) || chosen == "cat" ? nil : chosen
        }
        let places = (Environment.value("PATH") ?? "").split(separator: ":")
        return places.contains { access("\($0)/less", X_OK) == 0 } ? "less -FRX" : nil
    }

    /// Starts it.
    ///
    /// - Parameter command: for the shell.
    init(_ command: String) throws {
        self.command = command
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Self.failure(command) }
        defer { for end in ends { close(end) } }
        // The pager would otherwise hold the end that it waits for.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        terminal = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
        // For a pager that is less without options: colours as they are, and no paging of what fits the screen.
        setenv("LESS", "FRX", 0)
        setenv("LV", "-c", 0)
        let words = ["sh", "-c", command]
        var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for word in argv { free(word) } }
        var pid = pid_t()
        guard terminal >= 0, posix_spawn(&pid, "/bin/sh", &actions, nil, &argv, environ) == 0 else {
            throw Self.failure(command)
        }
        process.store(pid, ordering: .relaxed)
        // A pager that has been quit is noticed by a failing write.
        signal(SIGPIPE, SIG_IGN)
        // Ctrl-C goes to the pager as well, which stays: the terminal is its own until it ends.
        signal(SIGINT) { number in
            close(STDOUT_FILENO)
            var status: Int32 = 0
            while waitpid(process.load(ordering: .relaxed), &status, 0) < 0, errno == EINTR {}
            signal(number, SIG_DFL)
            raise(number)
        }
        dup2(ends[1], STDOUT_FILENO)
    }

    /// Ends the pager's input and waits until it has been quit; standard output is the terminal again.
    func finish() throws {
        dup2(terminal, STDOUT_FILENO)
        close(terminal)
        var status: Int32 = 0
        while waitpid(process.load(ordering: .relaxed), &status, 0) < 0, errno == EINTR {}
        signal(SIGINT, SIG_DFL)
        signal(SIGPIPE, SIG_DFL)
        let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 0
        // The shell could not run it, and has said why.
        if code == 126 || code == 127 { throw Self.failure(command) }
    }

    private static func failure(_ command: String) -> Failure {
        Failure(
            Failure.somethingWrong,
            "cannot run the pager '\(VisibleText.escaped(command, limit: 60))'; set PAGER, or use --no-pager")
    }
}
