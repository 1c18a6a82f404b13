import CProgram
import Glibc
import Synchronization

/// A stand-in for the chat server: a separate process that loads the plugin and calls its hooks from several threads until it is
/// killed. The number of events it has had recorded is in memory shared with its parent, and so survives the kill.
final class DemoServer {
    static let mostThreads = 64
    /// Where the shared memory is in the child.
    private static let descriptor: Int32 = 3

    let pid: pid_t
    private let counts: Counts

    /// Starts the server.
    ///
    /// - Parameter directory: the data directory.
    /// - Parameter pause: between two calls of a thread, in microseconds.
    init(plugin: String, directory: String, threads: Int, seed: UInt64, pause: Int) throws {
        guard let program = Program.path else {
            throw Failure(Failure.somethingWrong, "cannot start a server: this program's own path is unknown")
        }
        let shared = qpcm_make_shared_page()
        guard shared >= 0 else { throw Self.failure("share memory with") }
        defer { close(shared) }
        counts = try Counts(shared)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, shared, Self.descriptor)
        let words = [
            program, "demo", "--as-server", "--plugin", plugin, "--threads", "\(threads)", "--seed", "\(seed)", "--pause",
            "\(pause)",
        ]
        setenv(DirectoryOptions.variable, directory, 1)
        var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for word in argv { free(word) } }
        var pid = pid_t()
        guard posix_spawn(&pid, program, &actions, nil, &argv, environ) == 0 else { throw Self.failure("start") }
        self.pid = pid
    }

    /// Events whose hook has returned.
    var events: Int { counts.sum }

    /// Waits until this many events have been recorded.
    func wait(for events: Int) throws {
        while self.events < events {
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == 0 else {
                throw Failure(Failure.somethingWrong, "the demo's server ended unexpectedly; its standard error says why")
            }
            usleep(2000)
        }
    }

    /// Ends the server as a power cut would.
    func kill() {
        _ = Glibc.kill(pid, SIGKILL)
        var status: Int32 = 0
        _ = waitpid(pid, &status, 0)
    }

    private static func failure(_ what: String) -> Failure {
        Failure(Failure.somethingWrong, "cannot \(what) the demo's server: \(String(cString: strerror(errno)))")
    }

    // MARK: In the child

    /// Runs until it is killed.
    static func serve(plugin: String, threads: Int, seed: UInt64, pause: Int) throws -> Never {
        // Ends with its parent, however that ends.
        qpcm_end_with_parent()
        let job = Job(host: try PluginHost(path: plugin), counts: try Counts(descriptor), seed: seed, pause: useconds_t(pause))
        for _ in 0..<threads {
            var thread = pthread_t()
            let code = pthread_create(
                &thread, nil,
                { argument in
                    Unmanaged<Job>.fromOpaque(argument!).takeUnretainedValue().work()
                    return nil
                }, Unmanaged.passRetained(job).toOpaque())
            guard code == 0 else {
                throw Failure(Failure.somethingWrong, "cannot start a thread: \(String(cString: strerror(code)))")
            }
        }
        while true { pause_() }
    }

    private static func pause_() { _ = Glibc.pause() }

    private final class Job: Sendable {
        private let host: PluginHost
        private let counts: Counts
        private let seed: UInt64
        private let pause: useconds_t
        private let started = Atomic<Int>(0)

        init(host: PluginHost, counts: Counts, seed: UInt64, pause: useconds_t) {
            self.host = host
            self.counts = counts
            self.seed = seed
            self.pause = pause
        }

        func work() {
            let thread = started.wrappingAdd(1, ordering: .relaxed).oldValue
            var traffic = DemoTraffic(host: host, seed: seed, thread: thread)
            while true {
                traffic.call()
                counts.set(traffic.calls.events, for: thread)
                if pause > 0 { usleep(pause) }
            }
        }
    }

    /// One count per thread, in memory that both processes share.
    private final class Counts: @unchecked Sendable {
        // SAFETY: `mostThreads` words of a page that stays mapped; each has one writer.
        private let words: UnsafeMutablePointer<Atomic<Int>>

        init(_ descriptor: Int32) throws {
            guard let page = qpcm_map_shared_page(descriptor) else { throw DemoServer.failure("share memory with") }
            words = page.bindMemory(to: Atomic<Int>.self, capacity: DemoServer.mostThreads)
        }

        func set(_ events: Int, for thread: Int) { words[thread].store(events, ordering: .releasing) }

        var sum: Int { (0..<DemoServer.mostThreads).reduce(0) { $0 + words[$1].load(ordering: .acquiring) } }
    }
}
