import LiveView
import MetricsMemory
import MetricsModel
import MetricsQuery

/// Takes samples for `top` from a data directory whose server may come and go.
struct LiveSampling {
    let source: DataSource

    /// - Throws: `DataSourceError` if a file exists but cannot be read.
    func sample() throws(DataSourceError) -> LiveSample {
        var sample = LiveSample()
        sample.monotonicNanoseconds = TickClock.monotonicNanoseconds()
        // Reopened each time: a server that restarts has a different file, and one with more threads a longer one.
        guard let live = try source.live() else {
            sample.nowNanoseconds = TickClock.realtimeNanoseconds()
            return sample
        }
        sample.snapshot = SnapshotReader.snapshot(of: live, in: source)
        sample.heartbeatNanoseconds = live.heartbeatNanoseconds
        let rings = RingSurvey.read(live)
        sample.ringBytes = rings.ringBytes
        sample.waitingBytes = rings.waitingBytes
        sample.nowNanoseconds = TickClock.realtimeNanoseconds()
        sample.lagNanoseconds = rings.lagNanoseconds(now: sample.nowNanoseconds)
        return sample
    }
}
