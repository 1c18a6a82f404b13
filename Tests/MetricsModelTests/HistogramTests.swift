import MetricsModel
import Testing

/// The hooks' bucket functions, against a plain search of the printed bounds.
@Suite struct HistogramTests {
    private static func check(_ bounds: [UInt64], _ bucket: (UInt64) -> Int) {
        var values: [UInt64] = [0, 1, UInt64.max, UInt64.max - 1, 1 << 63]
        for bound in bounds { values += [bound, bound &+ 1, bound == 0 ? 0 : bound - 1] }
        for shift in 0..<64 { values += [1 << shift, (1 << shift) &+ 1, (1 << shift) &- 1] }
        for value in values { #expect(bucket(value) == Histogram.bucket(of: value, bounds: bounds), "of \(value)") }
    }

    @Test func aPayloadsBucketIsTheOneThatItsBoundsSay() {
        Self.check(Histogram.payloadBounds, Histogram.payloadBucket)
        #expect(Histogram.payloadBuckets == Histogram.payloadBounds.count + 1)
    }

    @Test func aBatchsBucketIsTheOneThatItsBoundsSay() {
        Self.check(Histogram.batchBounds, Histogram.batchBucket)
        #expect(Histogram.batchBuckets == Histogram.batchBounds.count + 1)
    }

    @Test func aFetchsBucketIsTheOneThatItsBoundsSay() {
        Self.check(Histogram.fetchBounds, Histogram.fetchBucket)
        #expect(Histogram.fetchBuckets == Histogram.fetchBounds.count + 1)
    }

    @Test func aHooksDurationIsInTheBucketThatItsBoundsSay() {
        Self.check(Histogram.hookDurationBounds, Histogram.hookDurationBucket)
        #expect(Histogram.hookDurationBuckets == Histogram.hookDurationBounds.count + 1)
    }

    @Test func everyCounterHasAWordOfItsOwn() {
        var owners: [Int: String] = [:]
        func take(_ index: Int, _ name: String) {
            #expect(owners[index] == nil, "\(name) and \(owners[index] ?? "") share word \(index)")
            owners[index] = name
        }
        func take(_ first: Int, _ words: Int, _ name: String) {
            for offset in 0..<words { take(first + offset, "\(name)[\(offset)]") }
        }
        take(CounterIndex.calls(.batchEnqueue), "calls")
        for kind in EventKind.allCases {
            take(CounterIndex.events(kind), "events")
            take(CounterIndex.written(kind), "written")
            take(CounterIndex.lost(kind), "lost")
            for cause in RemovalCause.allCases { take(CounterIndex.removed(kind, cause), "removed") }
            for cause in DropCause.allCases { take(CounterIndex.dropped(kind, cause), "dropped") }
            take(CounterIndex.hookDuration(kind), Histogram.hookDurationBuckets, "hook duration")
            take(CounterIndex.hookDurationSum(kind), "hook duration sum")
        }
        for path in MessagePath.allCases {
            take(CounterIndex.sealed(path), "sealed")
            take(CounterIndex.payload(path), Histogram.payloadBuckets, "payload")
            take(CounterIndex.payloadSum(path), "payload sum")
        }
        take(CounterIndex.batch, Histogram.batchBuckets, "batch")
        take(CounterIndex.batchSum, "batch sum")
        take(CounterIndex.fetch, Histogram.fetchBuckets, "fetch")
        take(CounterIndex.fetchSum, "fetch sum")
        for failure in FailureClass.allCases { take(CounterIndex.authFailures(failure), "failures") }
        take(CounterIndex.channelsCreated, "channels")
        take(CounterIndex.flushDuration, Histogram.flushDurationBuckets, "flush")
        take(CounterIndex.flushDurationSum, "flush sum")
        for cause in FlushErrorCause.allCases { take(CounterIndex.flushErrors(cause), "flush errors") }
        take(CounterIndex.filesQuarantined, "files quarantined")
        take(CounterIndex.deliveryWait, Histogram.deliveryWaitBuckets, "delivery wait")
        take(CounterIndex.deliveryWaitSum, "delivery wait sum")
        take(CounterIndex.untrackedMessages, "untracked messages")
        #expect(owners.keys.max() == CounterIndex.used - 1)
        #expect(CounterIndex.used <= CounterIndex.words)
        let names = owners.keys.map(CounterName.text)
        #expect(Set(names).count == names.count, "every counter has a name of its own in the log")
    }
}
