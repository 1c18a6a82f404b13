import CMetricsLayout
import EventDrain
import EventLog
import MetricsMemory
import MetricsModel

/// A plugin without a server, for the demo and for logs to benchmark with: records go into a ring with any time one likes, and
/// the drain writes them to the log. So schema, counters and ledger are the plugin's own. One thread.
public final class LogSink {
    private let held: DataDirectory
    private let live: LiveFile
    private let drainer: Drainer
    private let recorder: Recorder
    private let slot: UnsafeMutableRawPointer
    public private(set) var events = 0

    /// It is filled, then drained.
    private static let ringBytes = 16 << 20
    private static let checkpointPages = 8192

    /// - Parameter directory: created if it does not exist; held until this is freed.
    /// - Throws: what `DataDirectory`, `Recovery` and `LiveFile` throw.
    public init(directory: String, seed: UInt64) throws {
        held = try DataDirectory(path: directory, create: true)
        let outcome = try Recovery.run(
            held, settings: Settings(), log: PluginLogger(level: .warning))
        let clock = UInt64(QPCM_CLOCK_REALTIME)
        let session = (UInt64.random(in: .min ... .max), seed)
        live = try LiveFile(
            directory: directory,
            options: .init(
                settings: Settings(ringBytes: Self.ringBytes), initialSlots: 1, clock: clock, session: session),
            ringed: outcome.ringed, direct: outcome.direct)
        drainer = Drainer(
            map: live.map, session: session, clock: clock, writer: outcome.writer, ringed: outcome.ringed, stored: .none)
        // The file was created with one slot, and nobody else knows of it.
        guard let slot = live.takeFreeSlot() else { fatalError("a new live file has a free slot") }
        self.slot = slot
        recorder = Recorder(slot: slot)
    }

    /// One record, counted as its hook would count it.
    public func put(_ record: Record) throws {
        var position = try claim(record.bytes)
        recorder.put(record, at: &position)
        recorder.commit(position)
        recorder.count(record)
        events += 1
    }

    public func beginBatch(messages: Int, ticks: UInt64) throws {
        var position = try claim(Recorder.batchHeaderBytes)
        recorder.putBatchHeader(isFirst: true, messages: UInt64(messages), ticks: ticks, at: &position)
        recorder.commit(position)
        Tally.batchCall(messages: UInt64(messages), into: recorder.ringed)
    }

    private func claim(_ bytes: UInt64) throws -> UInt64 {
        if let position = recorder.claim(bytes) { return position }
        try drain()
        // The largest record is a few hundred bytes, and the ring 16 MiB.
        guard let position = recorder.claim(bytes) else { fatalError("a drained ring has room") }
        return position
    }

    private func drain() throws {
        _ = drainer.look()
        while try drainer.step().isMoreWaiting {}
        if drainer.writer.pagesInWAL >= Self.checkpointPages { try drainer.writer.checkpoint(truncating: false) }
    }

    /// Shuts down as a plugin does.
    public func close() throws {
        try drain()
        try drainer.saveCounters()
        try drainer.writer.checkpoint(truncating: true)
        try drainer.writer.sync()
        live.giveBack(slot)
        live.map.set(QPCM_HEADER_HEARTBEAT, 0)
        live.map.set(QPCM_HEADER_STATE, UInt64(QPCM_STATE_STOPPED))
    }
}
