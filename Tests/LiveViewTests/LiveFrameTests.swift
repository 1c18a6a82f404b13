import Foundation
import LiveView
import MetricsModel
import Readings
import Terminal
import Testing

/// Frames of `top` against golden files. `QPC_GOLDENS=write` rewrites them; review them before committing.
@Suite struct LiveFrameTests {
    private static let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Goldens/"

    /// A busy minute: rates rise, someone guesses passwords, one ring fills up.
    static let busy: LiveHistory = {
        var history = LiveHistory()
        var sample = LiveSample()
        sample.snapshot.plugin = .up(pid: 4711)
        sample.ringBytes = 8 << 20
        sample.snapshot.version = "1.2.3"
        sample.snapshot.startNanoseconds = 1_795_000_000 * 1_000_000_000
        sample.snapshot.logBytes = 320_741_376
        sample.snapshot.walBytes = 8_000_000
        for second in 0..<60 {
            let moment = UInt64(second) * 1_000_000_000
            sample.monotonicNanoseconds = 5_000_000_000 + moment
            sample.nowNanoseconds = 1_795_384_414_000_000_000 + moment
            sample.heartbeatNanoseconds = sample.nowNanoseconds
            let calls = UInt64(100 * second + 7)
            add(calls, .messageEnqueue, written: calls - 2, to: &sample)
            add(calls / 4, .fetch, written: calls / 4, to: &sample)
            add(3, .auth, written: 3, to: &sample)
            sample.snapshot.counters[CounterIndex.authFailures(.credentials)] += UInt64(second % 3)
            sample.snapshot.counters[CounterIndex.payload(.single) + 1] += calls
            sample.snapshot.counters[CounterIndex.payload(.single) + 10] += calls / 50
            sample.snapshot.counters[CounterIndex.payloadSum(.single)] += calls * 300
            sample.snapshot.counters[CounterIndex.fetch] += calls / 4
            sample.snapshot.counters[CounterIndex.hookDuration(.messageEnqueue) + 3] += calls / 50
            sample.snapshot.counters[CounterIndex.hookDuration(.messageEnqueue) + 5] += 1
            sample.waitingBytes = [0, 128 * second, second > 50 ? 6 << 20 : 0]
            sample.lagNanoseconds = 120_000_000
            if second > 55 { sample.snapshot.counters[CounterIndex.dropped(.messageEnqueue, .ringFull)] += 9 }
            history.add(sample)
        }
        return history
    }()

    private static func add(_ count: UInt64, _ kind: EventKind, written: UInt64, to sample: inout LiveSample) {
        sample.snapshot.counters[CounterIndex.events(kind)] += count
        sample.snapshot.counters[CounterIndex.written(kind)] += written
    }

    private func expect(_ name: String, _ frame: LiveFrame, _ history: LiveHistory, palette: Palette = .none) throws {
        let lines = frame.lines(history, palette: palette)
        let text = lines.map { $0 + "\n" }.joined()
        let path = Self.goldens + name + ".txt"
        if ProcessInfo.processInfo.environment["QPC_GOLDENS"] == "write" {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text, "\(name):\n\(text)")
        guard palette == .none else { return }
        #expect(lines.count <= frame.rows && lines.allSatisfy { $0.unicodeScalars.count <= frame.columns }, "\(name)")
    }

    private func frame(_ columns: Int, _ rows: Int, _ change: (inout LiveFrame) -> Void = { _ in }) -> LiveFrame {
        var frame = LiveFrame(columns: columns, rows: rows, directory: "/var/lib/quicprochat/metrics")
        change(&frame)
        return frame
    }

    @Test func wideNarrowAndSmall() throws {
        try expect("wide", frame(120, 45), Self.busy)
        try expect("usual", frame(80, 24), Self.busy)
        try expect("small", frame(40, 10), Self.busy)
    }

    @Test func whoStandsOut() throws {
        var people = LivePeople()
        people.failing = [
            .init(shown: Array("86d952d7a1b2c3d4e5f60718293a4b5c".utf8), name: Array("alice".utf8), events: 1234),
            .init(shown: Array("0f1e2d3c4b5a69788796a5b4c3d2e1f0".utf8), events: 7),
            .init(shown: Array("bob\u{1B}[2J".utf8), events: 3),
        ]
        people.busiest = [
            .init(shown: Array("c49e1d0a77b2c49e1d0a77b2c49e1d0a".utf8), name: Array("花子花子花子花子花子花子花子花子花子".utf8), events: 98_765)
        ]
        try expect("people", frame(120, 30) { $0.people = people }, Self.busy)
        try expect("people-narrow", frame(44, 30) { $0.people = people }, Self.busy)
        try expect("nobody", frame(80, 24) { $0.people = LivePeople() }, Self.busy)
        people.percentiles = LivePercentiles(
            sizes: [
                .init(count: 9000, p50: 311, p90: 1240, p99: 48_300), .init(count: 0, p50: 0, p90: 0, p99: 0),
                .init(count: 0, p50: 0, p90: 0, p99: 0), .init(count: 700, p50: 3, p90: 14, p99: 88),
            ], waits: .init(count: 700, p50: 252_000_000, p90: 3_000_000_000, p99: 86_300_000_000))
        try expect("percentiles", frame(80, 36) { $0.people = people }, Self.busy)
        for columns in 1...130 {
            let lines = frame(columns, 40) { $0.people = people }.lines(Self.busy, palette: .none)
            // A character of the second name takes two columns.
            #expect(
                lines.allSatisfy { $0.unicodeScalars.reduce(0) { $0 + ($1.value > 0x2FFF ? 2 : 1) } <= columns }, "\(columns)")
        }
    }

    @Test func whatKeysChange() throws {
        try expect("scrolled", frame(60, 14) { $0.scroll = 9 }, Self.busy)
        try expect("minutes", frame(80, 16) { $0.window = 3 }, Self.busy)
        try expect("paused", frame(80, 12) { $0.isPaused = true }, Self.busy)
        try expect("help", frame(60, 16) { $0.showsHelp = true }, Self.busy)
        try expect("color", frame(100, 24), Self.busy, palette: .color)
    }

    @Test func whatIsWrong() throws {
        for (name, plugin) in [("died", PluginState.died), ("stopped", .stopped), ("stuck", .stuck(pid: 4711))] {
            var history = Self.busy
            var sample = history.latest!
            sample.snapshot.plugin = plugin
            sample.monotonicNanoseconds += 1_000_000_000
            sample.nowNanoseconds += 95_000_000_000
            sample.lagNanoseconds += 95_000_000_000
            history.add(sample)
            try expect(name, frame(80, 10), history)
        }
        var waiting = LiveHistory()
        waiting.add(LiveSample())
        try expect("absent", frame(80, 24), waiting)
    }

    @Test func everySizeIsKept() {
        for columns in 1...130 {
            for rows in [1, 2, 3, 5, 10, 24, 60] {
                let lines = frame(columns, rows).lines(Self.busy, palette: .none)
                #expect(lines.count == rows && lines.allSatisfy { $0.unicodeScalars.count <= columns })
            }
        }
    }

    @Test func aCounterThatGoesBackIsAnotherServers() {
        var history = LiveHistory()
        var sample = LiveSample()
        for (second, count) in [1000, 1010, 5, 15].enumerated() {
            sample.monotonicNanoseconds = UInt64(second) * 1_000_000_000
            sample.snapshot.counters[CounterIndex.events(.fetch)] = UInt64(count)
            history.add(sample)
        }
        #expect(history.rates(CounterIndex.events(.fetch), newest: 10) == [10, 5, 10])
    }
}
