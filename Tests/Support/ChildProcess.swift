import Foundation
import Glibc

/// A process started by a test, with pipes to its standard input and from its standard output; its standard error goes
/// to a file. It uses `posix_spawn`, because signals disturb Foundation's `Process`.
///
/// One thread at a time.
public final class ChildProcess {
    public let pid: pid_t
    private var input: Int32
    private let output: Int32
    private var buffer: [UInt8] = []
    private var status: Int32?

    /// - Parameter user: runs it as this user and group, without other groups; only root can.
    public init(
        _ arguments: [String], environment: [String: String] = [:], directory: String? = nil, umask: Int? = nil,
        user: User? = nil, errorFile: String
    ) throws {
        var words = arguments
        if let user { words = user.prefix + words }
        if let directory { words = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", directory] + words }
        if let umask { words = ["/bin/sh", "-c", "umask \(String(umask, radix: 8)); exec \"$@\"", "sh"] + words }
        // One at a time: a child created between a pipe and the setting of its flag would keep the pipe open.
        _ = Self.ignoresBrokenPipes
        Self.making.lock()
        defer { Self.making.unlock() }
        let toChild = try Self.pipe()
        let fromChild = try Self.pipe()
        defer {
            close(toChild.reading)
            close(fromChild.writing)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild.reading, 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild.writing, 1)
        posix_spawn_file_actions_addopen(&actions, 2, errorFile, O_WRONLY | O_CREAT | O_APPEND, 0o644)

        var variables = Self.plainEnvironment
        for (name, value) in environment { variables[name] = value }
        let argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        let envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for word in argv + envp { free(word) } }
        var pid = pid_t()
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        Self.resetSignals(&attributes)
        let code = posix_spawnp(&pid, words[0], &actions, &attributes, argv, envp)
        guard code == 0 else {
            close(toChild.writing)
            close(fromChild.reading)
            throw TestFailure.system("start \(words[0])", code)
        }
        self.pid = pid
        input = toChild.writing
        output = fromChild.reading
    }

    deinit {
        kill()
        _ = wait()
        if input >= 0 { close(input) }
        close(output)
    }

    /// None of the developer's own settings may decide how a test ends.
    private static let plainEnvironment: [String: String] = {
        var variables = [
            "PATH": BuiltProducts.startEnvironment["PATH"] ?? "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        ]
        // What scripts/test tells the sanitizers of the programs under test.
        for name in ["ASAN_OPTIONS", "TSAN_OPTIONS"] {
            if let value = BuiltProducts.setting("QPC_TEST_" + name) { variables[name] = value }
        }
        return variables
    }()

    private static let making = NSLock()
    /// Writing to a process that has died is a failure of that test, and not the end of all of them.
    private static let ignoresBrokenPipes: Bool = signal(SIGPIPE, SIG_IGN) == nil

    /// The test's threads block signals, and whoever started the test may ignore some; neither must affect a child.
    private static func resetSignals(_ attributes: inout posix_spawnattr_t) {
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    }

    private static func pipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw TestFailure.system("make a pipe", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    public func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { write(input, $0.baseAddress! + sent, bytes.count - sent) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw TestFailure.system("write to process \(pid)", errno) }
            sent += count
        }
    }

    public func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    /// One line without its line end, or nil at the end of the output.
    public func line(within seconds: Double) throws -> String? {
        var searched = 0
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeFirst(end + 1)
                return line
            }
            searched = buffer.count
            guard try readMore(within: seconds) else { return nil }
        }
    }

    /// All remaining output, to its end.
    public func rest(within seconds: Double) throws -> [UInt8] {
        while try readMore(within: seconds) {}
        defer { buffer = [] }
        return buffer
    }

    /// False at the end of the output.
    private func readMore(within seconds: Double) throws -> Bool {
        var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        while true {
            let ready = poll(&descriptor, 1, Int32(seconds * 1000))
            if ready > 0 { break }
            if ready < 0 && errno == EINTR { continue }
            kill()
            throw TestFailure("process \(pid) gave no answer within \(seconds) s and was killed")
        }
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = chunk.withUnsafeMutableBytes { Glibc.read(output, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { return true }
        guard count > 0 else { return false }
        buffer += chunk[..<count]
        return true
    }

    public func kill(_ signal: Int32 = SIGKILL) {
        if status == nil { _ = Glibc.kill(pid, signal) }
    }

    /// The exit code, or the negative number of the signal that ended it.
    ///
    /// A process that does not end by itself is killed, so that it fails one test and does not hang all of them.
    @discardableResult public func wait(within seconds: Double = 120) -> Int32 {
        if let status { return status }
        var word: Int32 = 0
        let deadline = Date(timeIntervalSinceNow: seconds)
        while waitpid(pid, &word, WNOHANG) != pid {
            if Date() > deadline { kill() }
            usleep(200)
        }
        let ended = word & 0x7F == 0 ? (word >> 8) & 0xFF : -(word & 0x7F)
        status = ended
        return ended
    }
}

/// Another user to run a process as.
public struct User: Sendable {
    public var uid: Int
    public var gid: Int

    public init(uid: Int, gid: Int) {
        self.uid = uid
        self.gid = gid
    }

    public static let nobody = User(uid: 65534, gid: 65534)
    /// Whether processes can be run as another user here.
    public static let canBeChosen = geteuid() == 0

    var prefix: [String] { ["setpriv", "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups", "--"] }
}
