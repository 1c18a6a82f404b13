import Foundation
import TestSupport
import Testing

/// Obstacles at a start that are not the server's fault: damage found late, and readers that stand still.
@Suite struct ObstructedStartTests {
    let place = DataPlace()

    /// A server that was killed with events in its rings, over a log that already holds some.
    private func killWithPending() throws -> [UInt64] {
        let first = try place.server(["RING_SIZE": "64KiB"])
        _ = try first.tally("drive threads=1 calls=2000 seed=3 mix=message,auth,fetch,register")
        try first.shutDown()
        let host = try place.server(["RING_SIZE": "1MiB", "FLUSH_INTERVAL": "1h"])
        let tally = try host.tally("drive threads=2 calls=200 seed=5 mix=message,auth,fetch,register")
        host.kill()
        return tally.events
    }

    /// Overwrites every page of the indexes of names: opening the log does not read them, writing an event does.
    private func damageIndexes() throws {
        let pages = try place.log.query(
            """
            SELECT pageno, pgsize FROM dbstat WHERE name IN
                (SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name LIKE '%_name')
            """)
        try #require(!pages.isEmpty)
        var content = try read(place("events.db"))
        for page in pages {
            let (number, size) = (try #require(Int(page[0])), try #require(Int(page[1])))
            content.replaceSubrange((number - 1) * size..<number * size, with: [UInt8](repeating: 0x5A, count: size))
        }
        try overwrite(place("events.db"), with: content)
    }

    private var quarantinedLogs: [String] {
        names(in: place.path).filter { $0.hasPrefix("events.db.damaged-") && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm") }
    }

    @Test("Damage that only a write meets does not keep a server out, and costs no pending event")
    func lateDamageAtStart() throws {
        let pending = try killWithPending()
        try damageIndexes()
        let host = try ServerHost(environment: ServerHost.environment(place.path))
        try host.load()
        #expect(try host.ask("init").hasPrefix("code=0 "), "\(host.errors)")
        #expect(quarantinedLogs.count == 1, "\(names(in: place.path))")
        #expect(host.errorLines.filter { $0.contains("events.db.damaged-") }.count == 1, "\(host.errors)")
        try host.shutDown()
        #expect(try place.tool.count() == pending.reduce(0, +))
        try place.tool.verify()
        #expect(try place.tool.exposition().value("qpc_plugin_files_set_aside_total") == 1)
    }

    @Test("recover quarantines a damaged log and saves what is pending")
    func lateDamageAtRecover() throws {
        let pending = try killWithPending()
        try damageIndexes()
        let recovered = try place.tool.run("recover")
        #expect(recovered.status == 0, "\(recovered.errors)")
        #expect(quarantinedLogs.count == 1)
        #expect(try place.tool.count() == pending.reduce(0, +))
        try place.tool.verify()
    }

    @Test("A reader that is stopped at any system call keeps no server out")
    func stoppedReader() throws {
        _ = try killWithPending()
        // strace stops the reader for good before its nth call of a kind that takes, or could take, a lock.
        var tried = 0
        for call in ["flock", "fcntl", "pread64"] {
            for number in [1, 2, 3, 5, 8, 13] {
                let trace = place.temporary("trace-\(call)-\(number)")
                let reader = try ChildProcess(
                    [
                        "strace", "-f", "-o", trace, "-e", "trace=\(call)", "-e",
                        "inject=\(call):signal=SIGSTOP:when=\(number)", BuiltProducts.commandLine, "status", "--dir", place.path,
                    ], errorFile: "/dev/null")
                try eventually("the reader stops or ends") {
                    let text = (try? String(decoding: read(trace), as: UTF8.self)) ?? ""
                    return text.contains("stopped by SIGSTOP") || text.contains("exited with")
                }
                let host = try place.server()
                try host.ask("fetch count=1")
                try host.shutDown()
                // When the tracer ends, what it traced stays stopped.
                let traced = String(decoding: try read(trace), as: UTF8.self).split(separator: " ").first.flatMap { pid_t($0) }
                if let traced { kill(traced, SIGKILL) }
                reader.kill()
                tried += 1
            }
        }
        #expect(tried == 18)
        try place.tool.verify()
    }
}
