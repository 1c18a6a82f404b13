import Foundation
import TestSupport
import Testing

/// Shutdown, destroy, a second load, a second server.
@Suite struct LifecycleTests {
    let place = DataPlace()

    @Test func shutdownCanComeTwiceWithHooksDuringAndAfterIt() throws {
        let host = try place.server()
        let journal = place.temporary("journal")
        try host.ask(
            "drive threads=3 calls=1 seed=1 endless=1 pause_us=\(BuiltProducts.areSanitized ? 5000 : 50) "
                + "journal=\(ServerHost.encoded(journal))")
        for _ in 0..<5 {
            let before = try Journal(journal)
            try host.ask("shutdown")
            // Every event whose hook had returned before is in the log now, though hooks go on.
            let rows = try place.tool.rows()
            for kind in 0..<6 { #expect(rows[kind] >= before.returned(kind)) }
        }
        let tally = try host.tally("stop")
        try host.ask("fetch count=1")
        try host.ask("shutdown")
        try host.ask("fetch count=1")
        try host.ask("shutdown")
        try host.ask("shutdown")
        try host.ask("fetch count=1")
        try host.ask("destroy")
        try host.exit()
        var expected = tally.events
        expected[4] += 3
        #expect(try place.tool.rows() == expected)
        try place.tool.verify()
    }

    @Test func whatComesAfterShutdownSurvivesAKill() throws {
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        try host.ask("fetch count=1")
        try host.ask("shutdown")
        try host.ask("fetch count=2")
        host.kill()
        #expect(try place.tool.count() == 1)
        try place.tool.verify()
        let next = try place.server()
        #expect(try place.tool.events().map { $0["count"] } == [.number(1), .number(2)])
        try next.shutDown()
    }

    @Test func shutdownSyncsTheLog() throws {
        guard try run(["strace", "-qq", "true"]).status == 0 else {
            return skip("that shutdown syncs the log", because: "strace may not trace here")
        }
        let host = try place.server(["SYNC_INTERVAL": "1h", "FLUSH_INTERVAL": "1h"])
        try host.ask("fetch count=1")
        let trace = place.temporary("trace")
        let pid = "\(host.process.pid)"
        let tracer = try ChildProcess(
            ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,pwrite64", "-o", trace, "-p", pid],
            errorFile: place.temporary("strace-errors"))
        try eventually("strace is attached") {
            try String(decoding: read(place.temporary("strace-errors")), as: UTF8.self).contains("attached")
        }
        try host.ask("shutdown")
        tracer.kill(SIGTERM)
        tracer.wait()
        let calls = try String(decoding: read(trace), as: UTF8.self).split(separator: "\n")
        let written = calls.lastIndex { $0.contains("pwrite64") && $0.contains("events.db-wal") }
        let synced = calls.lastIndex { $0.contains("sync(") && $0.contains("events.db-wal") }
        #expect(written != nil && synced != nil && synced! > written!, "\(calls.joined(separator: "\n"))")
        try host.ask("destroy")
        try host.exit()
    }

    @Test func afterDestroyAndDlcloseASecondLoadAndInitWorks() throws {
        let host = try ServerHost(environment: ServerHost.environment(place.path))
        for round in 1...4 {
            try host.load()
            #expect(try host.ask("init").hasPrefix("code=0 "))
            _ = try host.tally("drive threads=2 calls=500 seed=\(round) mix=fetch")
            // Sometimes destroy comes without a preceding shutdown.
            if round % 2 == 0 { try host.ask("shutdown") }
            try host.ask("destroy")
            #expect(try host.ask("close") == "mapped=true")
            #expect(try place.tool.count() == UInt64(1000 * round))
        }
        try host.exit()
        try place.tool.verify()
    }

    @Test func aSecondInitWorksWithoutClosing() throws {
        let host = try place.server()
        for _ in 0..<10 {
            try host.ask("fetch count=1")
            try host.ask("destroy")
            #expect(try host.ask("init").hasPrefix("code=0 "))
        }
        try host.shutDown()
        #expect(try place.tool.count() == 10)
    }

    @Test func threadsThatOutliveTheInstanceMayEnd() throws {
        let host = try place.server()
        _ = try host.tally("drive threads=4 calls=100 seed=1")
        let journal = place.temporary("journal")
        try host.ask("drive threads=4 calls=1 seed=2 endless=1 pause_us=100 journal=\(ServerHost.encoded(journal))")
        try eventually("all four have called") { try Journal(journal).rows.allSatisfy { $0.callsStarted > 10 } }
        let tally = try host.tally("stop")
        #expect(tally.total > 0)
        try host.ask("destroy")
        #expect(try host.ask("init").hasPrefix("code=0 "))
        try host.ask("fetch count=1")
        try host.shutDown()
        try place.tool.verify()
    }

    @Test func twoInstancesInOneProcessKeepApart() throws {
        let other = DataPlace()
        let host = try place.server(["IDENTITIES": "plain"])
        try host.setDirectory(other.path)
        #expect(try host.ask("init as=other").hasPrefix("code=0 "))
        // The same thread calls both alternately.
        try host.ask(all: (0..<1000).flatMap { ["fetch count=\($0)", "fetch on=other count=\($0 + 5000)"] })
        try host.ask("drive threads=2 calls=2000 seed=1 mix=auth wait=0")
        let second = try host.tally("spawn-threads count=50 alive=0 calls=3 on=other")
        let first = try host.tally("join")
        try host.ask("destroy")
        // The remaining one keeps working.
        try host.ask(all: (0..<100).map { "fetch on=other count=\($0 + 6000)" })
        try host.ask("destroy on=other")
        try host.exit()
        #expect(try place.tool.rows() == [0, 0, first.events[2], 0, 1000, 0])
        #expect(try other.tool.rows() == [0, 0, 0, 0, second.events[4] + 1100, 0])
        let counts = try place.tool.events("--kind", "fetch").compactMap { $0["count"]?.number }
        #expect(counts == (0..<1000).map { UInt64($0) })
        try place.tool.verify()
        try other.tool.verify()
    }

    @Test func twoCopiesOfTheLibraryInOneProcessKeepApart() throws {
        let other = DataPlace()
        let copy = place.temporary("copy.so")
        try FileManager.default.copyItem(atPath: BuiltProducts.plugin, toPath: copy)
        let host = try place.server()
        try host.load(copy, as: "copy")
        try host.setDirectory(other.path)
        #expect(try host.ask("init as=other from=copy").hasPrefix("code=0 "))
        try host.ask(all: (0..<200).flatMap { _ in ["fetch count=1", "auth on=other user=text:alice"] })
        try host.ask("destroy on=other")
        try host.shutDown()
        #expect(try place.tool.rows() == [0, 0, 0, 0, 200, 0])
        #expect(try other.tool.rows() == [0, 0, 200, 0, 0, 0])
    }

    // MARK: One directory, two servers

    private func expectRefusal(_ second: ServerHost, _ command: String, names pid: Int32) throws {
        let said = second.errorLines.count
        #expect(try second.ask(command) == "code=-3 untouched=true")
        let lines = second.errorLines.dropFirst(said)
        #expect(lines.count == 1, "\(lines)")
        let words = lines.joined().split { !$0.isNumber && !$0.isLetter }
        #expect(words.contains("\(pid)") && lines.joined().contains(place.path), "\(lines)")
    }

    @Test func aDirectoryThatIsHeldIsRefusedAndTheFirstGoesOnUnharmed() throws {
        let host = try place.server()
        try host.ask("drive threads=3 calls=1 seed=1 endless=1 pause_us=100")
        let second = try ServerHost(environment: ServerHost.environment(place.path))
        try second.load()
        for round in 0..<10 {
            try expectRefusal(host, "init as=second-\(round)", names: host.process.pid)
            try expectRefusal(second, "init", names: host.process.pid)
        }
        let recover = try place.tool.run("recover")
        #expect(recover.status == 1 && recover.errors.contains("\(host.process.pid)"), "\(recover.errors)")
        let tally = try host.tally("stop")
        try host.shutDown()
        #expect(try place.tool.rows() == tally.events)
        try place.tool.verify()
        // Now it is free.
        #expect(try second.ask("init").hasPrefix("code=0 "))
        try second.shutDown()
        try place.tool.verify()
    }

    @Test func aDirectoryIsFreeAsSoonAsItsServerIsDead() throws {
        for round in 0..<5 {
            let host = try place.server()
            try host.ask("fetch count=\(round)")
            host.kill()
        }
        let host = try place.server()
        #expect(try place.tool.count() == 5)
        try host.shutDown()
    }
}
