import MetricsModel

/// Counts what waits in the rings without consuming it: `verify` needs it for a dead server, and recovery before it begins.
public enum PendingRecords {
    /// The `ringed` counters that the records from the given positions on stand for.
    ///
    /// - Parameter positions: where the log's account of a slot's ring ends, for the slots that it knows.
    public static func tally(_ map: LiveMap, positions: [Int: UInt64]) -> [UInt64] {
        let totals = CounterTotals()
        defer { totals.deallocate() }
        var event = Event()
        for index in 0..<map.slotsReady where !map.isAbsent(index) {
            let slot = map.slot(index)
            let position = max(RingConsumer.head(of: slot), positions[index] ?? 0)
            var ring = RingConsumer(slot: slot, ringBytes: UInt64(map.ringBytes), position: position)
            ring.look()
            scan: while let item = ring.next() {
                switch item {
                case .damaged: break scan
                case .record(let record):
                    if let kind = record.eventKind {
                        record.fill(&event, kind: kind)
                        Tally.event(event, into: totals)
                    } else if record.beginsBatch {
                        Tally.batchCall(messages: record.a, into: totals)
                    }
                    ring.take(record)
                }
            }
        }
        return (0..<CounterIndex.words).map { totals[$0] }
    }
}
