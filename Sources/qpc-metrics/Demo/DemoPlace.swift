import Glibc
import MetricsModel

/// The demo's data directory, which is removed when the demo is interrupted, and its server, which is then killed too.
enum DemoPlace {
    // SAFETY: written by one thread before the handlers are set; read by a signal handler, which may run on it.
    nonisolated(unsafe) private static var files: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    nonisolated(unsafe) private static var directory: UnsafeMutablePointer<CChar>?
    nonisolated(unsafe) static var server: pid_t = 0

    static func make() throws -> String {
        let parent = Environment.value("TMPDIR") ?? "/tmp"
        var template = Array((parent + "/qpc-metrics-demo-XXXXXX").utf8CString)
        guard let made = mkdtemp(&template) else {
            throw Failure(
                Failure.somethingWrong, "cannot create a directory in \(parent): \(String(cString: strerror(errno)))")
        }
        return String(cString: made)
    }

    /// From now on an interruption, or a reader of the output that goes away, ends the server and removes the directory.
    static func removeWhenInterrupted(_ path: String) {
        let names = DataFile.allCases.map { $0.path(in: path) }
        let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: names.count + 1)
        for (index, name) in names.enumerated() { (list + index).initialize(to: strdup(name)) }
        (list + names.count).initialize(to: nil)
        files = list
        directory = strdup(path)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { signal(number, end) }
    }

    /// The directory stays, whatever happens.
    static func keep() {
        for number in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { signal(number, SIG_DFL) }
    }

    /// Removes the plugin's files and the directory; any other file stays, and so does the directory then.
    static func remove(_ path: String) {
        for file in DataFile.allCases { unlink(file.path(in: path)) }
        rmdir(path)
    }

    /// Calls only what is allowed in a signal handler.
    private static let end: @convention(c) (Int32) -> Void = { number in
        if DemoPlace.server > 0 {
            _ = kill(DemoPlace.server, SIGKILL)
            var status: Int32 = 0
            _ = waitpid(DemoPlace.server, &status, 0)
        }
        if var next = DemoPlace.files {
            while let file = next.pointee {
                unlink(file)
                next += 1
            }
        }
        if let directory = DemoPlace.directory { rmdir(directory) }
        signal(number, SIG_DFL)
        raise(number)
    }
}
