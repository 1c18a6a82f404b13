import Foundation
import TestSupport
import Testing

/// The time of day jumps back and forth while the server runs: ids keep the order, nothing is lost, and an event's time is
/// what the clock showed before or after the jump, never something in between.
///
/// `QPC_CLOCK_JUMPS` says how often (12).
@Suite struct ClockTests {
    /// What changes with each time frame: the anchors of `live_layout.h`.
    private static func frame(_ place: DataPlace) throws -> [UInt8] { Array(try read(place("live.qpcm"))[344..<392]) }

    @Test func aClockThatJumpsChangesNoOrderAndLosesNothing() throws {
        let jumps = FaultFigures.count("QPC_CLOCK_JUMPS", usually: 12)
        var generator = SeededGenerator.announced("clock jumps")
        let place = DataPlace()
        let offsetFile = place.temporary("offset")
        try overwrite(offsetFile, with: [UInt8](repeating: 0, count: 8))
        // The host has it mapped, so it is never truncated.
        let descriptor = open(offsetFile, O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        func set(_ offset: Int64) { _ = withUnsafeBytes(of: offset) { pwrite(descriptor, $0.baseAddress, 8, 0) } }
        var environment = ServerHost.environment(place.path, ["FLUSH_INTERVAL": "20ms"])
        environment["LD_PRELOAD"] = BuiltProducts.hosts + "/clock-shim.so"
        environment["CLOCK_SHIM_FILE"] = offsetFile
        let host = try ServerHost(environment: environment)
        try host.load()
        #expect(try host.ask("init").hasPrefix("code=0 "))

        /// What the clock showed around each call, before and after the last jump.
        var allowed: [[ClosedRange<Int64>]] = []
        var offset: Int64 = 0
        var before: Int64 = 0
        var seen = try Exposition("")
        for jump in 0...jumps {
            // Years, hours, and what NTP would do.
            let size = [30_000_000_000_000_000, 3_600_000_000_000, 50_000_000][Int.random(in: 0..<3, using: &generator)]
            before = offset
            offset = jump == 0 ? 0 : Int64.random(in: -Int64(size)...Int64(size), using: &generator)
            set(offset)
            for _ in 0..<Int.random(in: 1...30, using: &generator) {
                let start = microsecondsNow()
                try host.ask("fetch count=\(allowed.count)")
                let end = microsecondsNow()
                // To within the error that a frame of a tenth of a second can have at first.
                allowed.append([offset, before].map { start + $0 / 1000 - 2000...end + $0 / 1000 + 2000 })
                if Int.random(in: 0..<4, using: &generator) == 0 { usleep(.random(in: 0...60000, using: &generator)) }
            }
            let now = try place.tool.exposition()
            #expect(now.lower(than: seen).isEmpty, "\(now.lower(than: seen))")
            seen = now
            try host.ask("shutdown")
            // The frame that the jump fell into is over once the plugin's thread has begun another one.
            let frame = try Self.frame(place)
            try eventually("a frame is begun while the server is idle") { try Self.frame(place) != frame }
        }
        try host.shutDown()
        try place.tool.verify()
        let events = try place.tool.events()
        #expect(events.map { $0["count"]?.number } == (0..<UInt64(allowed.count)).map { $0 })
        let ids = events.map(\.id)
        #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 })
        var dishonest = 0
        for (event, ranges) in zip(events, allowed) where !ranges.contains(where: { $0.contains(event.moment) }) {
            dishonest += 1
            Issue.record("event \(event.id): \(event.moment) is not in \(ranges)")
        }
        FaultFigures.record(
            "clock set back and forth", tries: jumps, lost: UInt64(allowed.count - events.count),
            twice: UInt64(ids.count - Set(ids).count))
        #expect(dishonest == 0)
    }

    private func start(_ place: DataPlace, offset: Int64, _ settings: [String: String]) throws -> ServerHost {
        let offsetFile = place.temporary("offset")
        try overwrite(offsetFile, with: withUnsafeBytes(of: offset) { Array($0) })
        var environment = ServerHost.environment(place.path, settings)
        environment["LD_PRELOAD"] = BuiltProducts.hosts + "/clock-shim.so"
        environment["CLOCK_SHIM_FILE"] = offsetFile
        let host = try ServerHost(environment: environment)
        try host.load()
        #expect(try host.ask("init").hasPrefix("code=0 "), "\(host.errors)")
        return host
    }

    @Test func aStartWithAClockTwoCenturiesAheadRemovesNoEventAndNoKey() throws {
        let place = DataPlace()
        let settings = ["RETENTION": "30d", "KEY_ROTATION": "1d"]
        let first = try start(place, offset: 0, settings)
        for user in 0..<20 { try first.ask("auth user=text:user\(user) ok=1") }
        try first.shutDown()
        let keys = try KeyFile(place("identity.key")).epochs.map(\.key)
        let rows = try place.tool.count()

        let wrong = try start(place, offset: 200 * 365 * 86_400 * 1_000_000_000, settings)
        try wrong.ask("auth user=text:user1 ok=1")
        // It is reported in the turn in which retention would act.
        try eventually("the jump is said") {
            wrong.errorLines.contains { $0.contains("days ahead of what the log last recorded") }
        }
        try wrong.ask("shutdown")
        try wrong.shutDown()

        let right = try start(place, offset: 0, settings)
        try right.ask("auth user=text:user2 ok=1")
        try right.shutDown()
        #expect(try place.tool.count() == rows + 2, "\(wrong.errors)")
        #expect(try KeyFile(place("identity.key")).epochs.map(\.key) == keys)
        #expect(try place.tool.count("--user", "user1") == 2, "old and new rows are under one key")
        try place.tool.verify()
    }

    @Test func whoWasSeenUnderAWrongClockIsCountedAgainUnderTheRightOne() throws {
        let place = DataPlace()
        let key = String(repeating: "5a", count: 32)
        let wrong = try start(place, offset: 200 * 365 * 86_400 * 1_000_000_000, [:])
        try wrong.ask("fetch recipient=\(key) count=1")
        try wrong.shutDown()
        let right = try start(place, offset: 0, [:])
        try right.ask("fetch recipient=\(key) count=1")
        try right.ask("fetch recipient=\(String(repeating: "a5", count: 32)) count=1")
        try right.shutDown()
        #expect(try place.tool.people().active["1d"] == 2)
    }
}
