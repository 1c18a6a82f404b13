import LiveView
import MetricsMemory
import MetricsModel
import MetricsQuery

/// Takes samples for `top` from a data directory whose server may come and go.
struct LiveSampling {
    let source: DataSource

    /// - Throws: `DataSourceError` if what is there cannot be read.
    func sample() throws(DataSourceError) -> LiveSample {
        var sample = LiveSample()
        sample.monotonicNanoseconds = TickClock.monotonicNanoseconds()
        // Opened anew each time: a server that starts again has another file, and one that grows a longer one.
        guard let live = try source.live() else {
            sample.nowNanoseconds = TickClock.realtimeNanoseconds()
            return sample
        }
        sample.snapshot = SnapshotReader.snapshot(of: live, in: source)
        let rings = RingSurvey.read(live)
        sample.ringBytes = rings.ringBytes
        sample.waitingBytes = rings.waitingBytes
        sample.oldestPendingNanoseconds = rings.oldestNanoseconds
        sample.heartbeatNanoseconds = live.heartbeatNanoseconds
        sample.pid = live.header.pid
        sample.nowNanoseconds = TickClock.realtimeNanoseconds()
        sample.plugin =
            sample.snapshot.isUp ? .up : source.isRunning(live) ? .stuck : live.isRunning ? .died : .stopped
        return sample
    }
}
