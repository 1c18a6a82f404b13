import MetricsModel
import Readings
import Terminal

/// The sections below the header. Each has a heading and its lines; names are in the first columns and numbers end at fixed ones,
/// so that nothing jumps from one second to the next.
extension LiveFrame {
    private var seconds: Int { Self.windows[window] }
    private static let nameColumns = 16
    private static let rateEnd = 23
    private static let totalEnd = 30
    private static let middleEnd = 39
    private static let highEnd = 48

    private func heading(_ name: String, _ titles: [(String, Int)]) -> FrameLine {
        var line = FrameLine(name, .heading)
        for (title, end) in titles { line.add(title, endingAt: end, .heading) }
        return line
    }

    private func row(_ name: String, _ index: Int, _ history: LiveHistory, isBad: Bool = false) -> FrameLine {
        let rate = history.rate(index, seconds: seconds)
        let total = history.latest?.snapshot.counters[index] ?? 0
        var line = FrameLine(name, isBad && rate > 0 ? .bad : .plain)
        line.add(Quantity.shortRate(rate), endingAt: Self.rateEnd, isBad && rate > 0 ? .bad : .plain)
        line.add(Quantity.short(Double(total)), endingAt: Self.totalEnd, total == 0 ? .dim : .plain)
        return line
    }

    private func bound(_ value: UInt64?, _ bounds: [UInt64], _ show: (UInt64) -> String) -> String {
        guard let value else { return "-" }
        if value == .max { return ">" + show(bounds.last ?? 0) }
        return value == 0 ? show(0) : "≤" + show(value)
    }

    /// Percentiles of the log's last hour, which are values; or, if it has none, the counters' bounds, which are marked as such.
    private func add(
        _ percentiles: WindowStats.Percentiles?, orQuantilesOf first: Int, bounds: [UInt64], _ history: LiveHistory,
        _ show: (UInt64) -> String, to line: inout FrameLine
    ) {
        guard let percentiles else { return add(quantilesOf: first, bounds: bounds, history, show, to: &line) }
        line.add(show(percentiles.p50), endingAt: Self.middleEnd)
        line.add(show(percentiles.p99), endingAt: Self.highEnd)
    }

    private func add(
        quantilesOf first: Int, bounds: [UInt64], _ history: LiveHistory, _ show: (UInt64) -> String,
        to line: inout FrameLine
    ) {
        for (share, end) in [(0.5, Self.middleEnd), (0.99, Self.highEnd)] {
            let value = history.quantile(share, first: first, bounds: bounds, seconds: seconds)
            line.add(bound(value, bounds, show), endingAt: end, value == nil ? .dim : .plain)
        }
    }

    private func add(sparklineOf index: Int, _ history: LiveHistory, from column: Int, to line: inout FrameLine) {
        let width = min(60, columns - column - 1)
        guard width >= 4 else { return }
        line.pad(to: column)
        line.add(" " + Bars.line(history.rates(index, newest: width), width: width), .good)
    }

    func hooks(_ sample: LiveSample, _ history: LiveHistory) -> [FrameLine] {
        // A narrow terminal has room for either durations or charts, and charts show more.
        let hasDurations = columns >= Self.highEnd + 20
        var titles = [("/s", Self.rateEnd), ("TOTAL", Self.totalEnd)]
        if hasDurations { titles += [("HOOK P50", Self.middleEnd), ("HOOK P99", Self.highEnd)] }
        var lines = [heading("EVENTS", titles)]
        for kind in EventKind.allCases {
            let index = CounterIndex.events(kind)
            if kind == .messageEnqueue, !sample.snapshot.measuresMessages {
                var line = FrameLine(kind.name)
                line.add("not measured", endingAt: Self.totalEnd, .dim)
                lines.append(line)
                continue
            }
            var line = row(kind.name, index, history)
            if hasDurations {
                add(
                    quantilesOf: CounterIndex.hookDuration(kind), bounds: Histogram.hookDurationBounds, history,
                    { Quantity.duration(nanoseconds: $0) }, to: &line)
            }
            add(sparklineOf: index, history, from: hasDurations ? Self.highEnd : Self.totalEnd, to: &line)
            lines.append(line)
        }
        return lines
    }

    /// Only causes that have dropped events.
    func drops(_ sample: LiveSample, _ history: LiveHistory) -> [FrameLine] {
        var lines: [FrameLine] = []
        for cause in DropCause.allCases {
            let indices = EventKind.allCases.map { CounterIndex.dropped($0, cause) }
            let total = indices.reduce(0) { $0 &+ sample.snapshot.counters[$1] }
            guard total > 0 else { continue }
            let rate = indices.reduce(0.0) { $0 + history.rate($1, seconds: seconds) }
            var line = FrameLine(cause.name, .bad)
            line.add(Quantity.shortRate(rate), endingAt: Self.rateEnd, rate > 0 ? .bad : .plain)
            line.add(Quantity.short(Double(total)), endingAt: Self.totalEnd)
            lines.append(line)
        }
        guard !lines.isEmpty else { return [] }
        var title = heading("DROPPED", [("/s", Self.rateEnd), ("TOTAL", Self.totalEnd)])
        let last = sample.snapshot.lastDropMicroseconds / 1_000_000
        if last > 0 {
            let now = sample.nowNanoseconds / 1_000_000_000
            title.add("  last \(Quantity.age(seconds: max(now, last) - last)) ago", .heading)
        }
        return [title] + lines
    }

    func failures(_ sample: LiveSample, _ history: LiveHistory) -> [FrameLine] {
        var lines = [heading("LOGIN FAILURES", [("/s", Self.rateEnd), ("TOTAL", Self.totalEnd)])]
        for failure in FailureClass.allCases {
            let index = CounterIndex.authFailures(failure)
            var line = row(failure.name, index, history, isBad: true)
            add(sparklineOf: index, history, from: Self.totalEnd, to: &line)
            lines.append(line)
        }
        return lines
    }

    func payloads(_ history: LiveHistory) -> [FrameLine] {
        var lines = [
            heading("SIZES", [("/s", Self.rateEnd), ("", Self.totalEnd), ("P50", Self.middleEnd), ("P99", Self.highEnd)])
        ]
        lines[0].add(people?.percentiles == nil ? "  ≤: a bucket's bound" : "  last hour; ≤: a bucket's bound", .dim)
        for path in MessagePath.allCases where path == .batch || history.latest?.snapshot.measuresMessages != false {
            var line = FrameLine("payload \(path.name)")
            let rate = history.rate(CounterIndex.payloadSum(path), seconds: seconds)
            line.add(Quantity.bytes(UInt64(saturating: rate.rounded())), endingAt: Self.rateEnd)
            add(
                people?.percentiles?.of(path == .single ? .messagePayloadBytes : .batchPayloadBytes),
                orQuantilesOf: CounterIndex.payload(path), bounds: Histogram.payloadBounds, history, Quantity.bytes, to: &line)
            lines.append(line)
        }
        var fetch = FrameLine("fetch messages")
        fetch.add(Quantity.shortRate(history.rate(CounterIndex.fetchSum, seconds: seconds)), endingAt: Self.rateEnd)
        add(
            people?.percentiles?.of(.fetchMessages), orQuantilesOf: CounterIndex.fetch, bounds: Histogram.fetchBounds, history,
            { Quantity.short(Double($0)) }, to: &fetch)
        var flush = FrameLine("flush")
        add(
            quantilesOf: CounterIndex.flushDuration, bounds: Histogram.flushDurationBounds, history,
            { Quantity.duration(nanoseconds: $0 * 1000) }, to: &flush)
        var wait = FrameLine("delivery wait")
        let handedOut = (0..<Histogram.deliveryWaitBuckets).reduce(0.0) {
            $0 + history.rate(CounterIndex.deliveryWait + $1, seconds: seconds)
        }
        wait.add(Quantity.shortRate(handedOut), endingAt: Self.rateEnd)
        add(
            people?.percentiles?.ofWaits, orQuantilesOf: CounterIndex.deliveryWait, bounds: Histogram.deliveryWaitBounds, history,
            { Quantity.wait(microseconds: $0) }, to: &wait)
        return lines + [fetch, wait, flush] + waiting(history)
    }

    /// Recipients with messages not yet fetched; empty while there are none.
    private func waiting(_ history: LiveHistory) -> [FrameLine] {
        guard let snapshot = history.latest?.snapshot, snapshot.recipientsWaiting > 0 else { return [] }
        var line = FrameLine("waiting")
        line.add(Quantity.grouped(snapshot.recipientsWaiting), endingAt: Self.totalEnd)
        line.add("  recipient\(snapshot.recipientsWaiting == 1 ? "" : "s"), the longest ")
        line.add(Quantity.age(seconds: snapshot.oldestWaitMicroseconds / 1_000_000))
        return [line]
    }

    /// The fullest first; empty rings are only counted.
    func rings(_ sample: LiveSample) -> [FrameLine] {
        var title = FrameLine("RINGS", .heading)
        title.add("  \(sample.waitingBytes.count) of \(Quantity.bytes(UInt64(sample.ringBytes)))", .dim)
        guard sample.ringBytes > 0 else { return [title] }
        let waiting = sample.waitingBytes.enumerated().filter { $0.element > 0 }.sorted {
            $0.element != $1.element ? $0.element > $1.element : $0.offset < $1.offset
        }
        return [title]
            + waiting.prefix(8).map { slot, bytes in
                let share = Double(bytes) / Double(sample.ringBytes)
                var line = FrameLine("slot \(slot)")
                line.add("\(Int((share * 100).rounded())) %", endingAt: Self.nameColumns)
                line.add("  " + Bars.bar(share, width: max(0, min(30, columns - 20)), track: "░"), share > 0.5 ? .bad : .good)
                return line
            }
    }
}
