import EventLog
import EventSearch
import Foundation
import MetricsQuery
import TestSupport
import Testing

/// Who has the log open, as `ship` has, looks at the directory's other files without losing SQLite's locks on it.
@Suite struct LogLockTests {
    /// How many locks this process holds on a file, as the kernel says.
    private func locks(on path: String) throws -> Int {
        var status = stat()
        guard stat(path, &status) == 0 else { throw TestFailure.system("stat \(path)", errno) }
        let lines = String(decoding: try read("/proc/locks"), as: UTF8.self).split(separator: "\n")
        return lines.count { line in
            let words = line.split(separator: " ")
            return words.contains("POSIX") && words.contains("\(getpid())")
                && words.contains { $0.hasSuffix(":\(status.st_ino)") }
        }
    }

    @Test func lookingAtTheLiveFileDropsNoLock() throws {
        let place = DataPlace()
        let host = try place.server()
        _ = try host.tally("drive threads=1 calls=100 seed=1")
        try host.shutDown()
        let source = DataSource(directory: place.path)
        let log = try #require(try source.log())
        try log.database.execute("BEGIN", operation: "test")
        #expect(try log.database.integer("SELECT count(*) FROM state") ?? 0 > 0)
        let held = try locks(on: source.logPath)
        #expect(held > 0)
        #expect(try source.live() != nil)
        #expect(try locks(on: source.logPath) == held)
        // What would drop them, and be seen here.
        let descriptor = open(source.logPath, O_RDONLY)
        close(descriptor)
        #expect(try locks(on: source.logPath) == 0)
    }
}
