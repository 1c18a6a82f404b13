import Foundation
import TestSupport
import Testing

/// `QPC_METRICS_PLUGIN_LIVE_DIR`: what waits in the rings never touches the disk, and nothing stale is taken for it.
@Suite struct LiveDirTests {
    let place = DataPlace()
    /// Memory, as `/run` is.
    private let memory = MemoryDirectory()

    private final class MemoryDirectory: Sendable {
        let path = "/dev/shm/qpc-live-\(UInt64.random(in: 0...UInt64.max))"
        deinit { TemporaryDirectory.remove(path) }
    }

    private func server(_ settings: [String: String] = [:]) throws -> ServerHost {
        try place.server(settings.merging(["LIVE_DIR": memory.path]) { first, _ in first })
    }

    private var pointer: String { (try? String(decoding: read(place("live.path")), as: UTF8.self)) ?? "" }
    private var live: String { String(pointer.dropLast()) }
    private func liveFiles() -> [String] { names(in: memory.path).filter { $0.hasSuffix(".qpcm") } }

    @Test func theRingsAreInMemoryAndAKillLosesNothing() throws {
        let host = try server(["FLUSH_INTERVAL": "1h"])
        try AttackerTests.act(host)
        #expect(pointer.hasPrefix(memory.path + "/live-") && pointer.hasSuffix(".qpcm\n"))
        #expect(!names(in: place.path).contains("live.qpcm") && liveFiles().count == 1)
        #expect(permissions(live) == 0o640 && permissions(place("live.path")) == 0o640 && permissions(memory.path) == 0o750)
        let status = try place.tool.succeed("status").text
        #expect(status.contains("live file   \(live)") && status.contains("7 pending"), "\(status)")
        #expect(try place.tool.exposition().value("qpc_up") == 1)
        #expect(try place.tool.succeed("privacy-report").text.contains(live))
        host.kill()
        let finds = try Attacker.finds(AttackerTests.secrets, in: place.path)
        #expect(finds.isEmpty, "the disk holds what waited: \(finds)")
        let ring = try Attacker.finds(AttackerTests.secrets, in: memory.path)
        #expect(!ring.isEmpty, "nothing waited")
        #expect(try place.tool.run("status").text.contains("the server died with 7 events pending"))

        let before = live
        let next = try server()
        #expect(live != before && liveFiles().count == 1, "the old file is gone: \(liveFiles())")
        #expect(try place.tool.count() == 7)
        try next.shutDown()
        try place.tool.verify()
    }

    @Test func aShutdownBringsTheCountersHome() throws {
        let host = try server()
        try AttackerTests.act(host)
        try host.shutDown()
        #expect(names(in: place.path).contains("live.qpcm") && !names(in: place.path).contains("live.path"))
        #expect(liveFiles().isEmpty)
        let status = try place.tool.run("status")
        #expect(status.text.contains("the plugin was shut down") && status.text.contains("RETENTION=30d"), "\(status.text)")
        try place.tool.verify()
        let before = try place.tool.exposition()
        // On and off again: each place gives way to the other.
        let off = try place.server()
        #expect(!names(in: place.path).contains("live.path"))
        #expect(try place.tool.exposition().lower(than: before).isEmpty)
        try AttackerTests.act(off)
        off.kill()
        let on = try server()
        #expect(names(in: place.path).contains("live.path") && !names(in: place.path).contains("live.qpcm"))
        try AttackerTests.act(on)
        on.kill()
        let last = try place.server()
        #expect(!names(in: place.path).contains("live.path") && liveFiles().isEmpty)
        #expect(try place.tool.count() == 21)
        try last.shutDown()
        try place.tool.verify()
    }

    /// The tmpfs is gone with the machine.
    @Test func aPowerCutIsSaidAndCounted() throws {
        let host = try server(["FLUSH_INTERVAL": "1ms"])
        try host.ask("drive threads=4 calls=1 seed=7 endless=1 pause_us=0")
        try eventually("several transactions are over") {
            try place.tool.exposition().sum("qpc_plugin_events_written_total") > 120_000
        }
        let seen = try place.tool.exposition()
        host.kill()
        for name in names(in: memory.path) { unlink(memory.path + "/" + name) }
        let status = try place.tool.run("status")
        #expect(status.status == 1 && status.text.contains("is gone, as after a power cut"), "\(status.text)")
        #expect(try place.tool.run("doctor").text.contains("is gone, as after a power cut"))
        let rows = try place.tool.count()
        let next = try server()
        #expect(next.errors.contains("is gone, as after a power cut"), "\(next.errors)")
        #expect(try place.tool.count() == rows)
        let now = try place.tool.exposition()
        // While one transaction ran, hooks went on: the log knows how far they had come.
        #expect(now.sum("qpc_plugin_events_dropped_total", "torn") > 0)
        #expect(now.sum("qpc_plugin_events_recorded_total") >= now.sum("qpc_plugin_events_written_total"))
        #expect(seen.sum("qpc_plugin_events_recorded_total") > 0)
        try place.tool.verify()
        try next.shutDown()
        try place.tool.verify()
    }

    @Test func aCopyOfTheDirectoryDoesNotTakeTheOriginalsEvents() throws {
        let host = try server(["FLUSH_INTERVAL": "1h"])
        try AttackerTests.act(host)
        host.kill()
        let copy = place.temporary("copy")
        #expect(try run(["cp", "-a", place.path, copy]).status == 0)
        let tool = CommandLineTool(copy)
        #expect(try tool.run("status").text.contains("is not this directory's"))
        #expect(try tool.succeed("events", "-c").text == "0\n")
        #expect(try tool.run("recover").errors.contains("is not this directory's"))
        try tool.verify()
        #expect(!names(in: copy).contains("live.path"))
        try server().shutDown()
        #expect(try place.tool.count() == 7, "the original has them")
        try place.tool.verify()
    }

    @Test("A file that is not this directory's is as good as none", arguments: ["another's", "another boot's", "another id's"])
    func foreign(whose: String) throws {
        let host = try server(["FLUSH_INTERVAL": "1h"])
        try AttackerTests.act(host)
        let other = DataPlace()
        let second = try other.server(["LIVE_DIR": memory.path, "FLUSH_INTERVAL": "1h"])
        try second.ask("fetch count=1")
        host.kill()
        second.kill()
        switch whose {
        case "another's": try overwrite(place("live.path"), with: read(other("live.path")))
        case "another boot's":
            var content = try read(live)
            for index in 88..<104 { content[index] ^= 0x55 }
            try overwrite(live, with: content)
        default:
            var content = try read(live)
            content[512] ^= 1
            try overwrite(live, with: content)
        }
        #expect(try place.tool.run("status").text.contains("is not this directory's"))
        let next = try server()
        #expect(try place.tool.count() == 0)
        try next.shutDown()
        try place.tool.verify()
        try other.server(["LIVE_DIR": memory.path]).shutDown()
        #expect(try other.tool.count() == 1, "and the other's is untouched")
    }

    @Test func aDamagedPointerOrFileIsQuarantined() throws {
        for damagesPointer in [true, false] {
            let host = try server()
            try host.ask("fetch count=1")
            try host.ask("shutdown")
            host.kill()
            let path = damagesPointer ? place("live.path") : live
            try overwrite(path, with: [UInt8](repeating: 0x5A, count: 1 << 16))
            let next = try server()
            #expect(next.errors.contains("it is now \(path).damaged-"), "\(next.errors)")
            try next.shutDown()
            try place.tool.verify()
        }
        #expect(try place.tool.count() == 2)
    }

    @Test func whereItCannotBeIsSaid() throws {
        for (path, words) in [("/dev/shm/none/here", "cannot make"), ("/dev/null", "Not a directory")] {
            let host = try ServerHost(environment: ServerHost.environment(place.path, ["LIVE_DIR": path]))
            try host.load()
            #expect(try host.ask("init") == "code=-3 untouched=true")
            #expect(host.errorLines.count == 1 && host.errors.contains(words), "\(host.errors)")
            try host.exit()
        }
        let host = try place.server(["LIVE_DIR": place.path])
        #expect(names(in: place.path).contains("live.qpcm"), "the data directory itself is the default")
        try host.shutDown()
        let disk = place.temporary("disk")
        let next = try place.server(["LIVE_DIR": disk])
        if try run(["stat", "-f", "-c", "%T", disk]).text != "tmpfs\n" {
            #expect(next.errors.contains("\(disk) is not on a tmpfs"), "\(next.errors)")
        }
        try next.shutDown()
    }

    @Test func killsLoseNoCallAndDoubleNone() throws {
        var generator = SeededGenerator.announced("kills with the live file in memory")
        var returned: UInt64 = 0
        for kill in 0..<10 {
            let host = try server(["FLUSH_INTERVAL": kill % 2 == 0 ? "1ms" : "250ms"])
            for _ in 0..<Int.random(in: 1...200, using: &generator) {
                returned += 1
                try host.ask("fetch count=\(returned)")
            }
            host.kill()
            if kill % 3 == 1 { _ = try place.tool.succeed("recover") }
        }
        try server().shutDown()
        #expect(try place.tool.events().compactMap { $0["count"]?.number }.elementsEqual(1...returned))
        try place.tool.verify()
    }

    /// A service with `ProcSubset=pid` sees no boot id, neither a server to write it nor an exporter to compare it.
    @Test func aBootThatIsNotKnownIsNoOtherBoot() throws {
        let host = try server(["FLUSH_INTERVAL": "1h"])
        try AttackerTests.act(host)
        #expect(getuid() == 0)
        let hidden = try TestSupport.run(
            [
                "unshare", "--mount", "sh", "-c",
                "mount -t tmpfs none /proc/sys/kernel/random && exec \(BuiltProducts.commandLine) prometheus --dir \(place.path)",
            ])
        #expect(hidden.status == 0, "\(hidden.errors)")
        #expect(try Exposition(hidden.text).value("qpc_up") == 1)
        host.kill()
        // Bytes 88 to 104: the boot id; 248: the checksum of the header, none.
        var content = try read(live)
        for range in [88..<104, 248..<256] { content.replaceSubrange(range, with: [UInt8](repeating: 0, count: range.count)) }
        try overwrite(live, with: content)
        #expect(try place.tool.succeed("recover").text.hasPrefix("7 events recovered"))
        try place.tool.verify()
    }
}
