import MetricsModel
import MetricsQuery
import Readings
import Terminal

/// The page's numbers as HTML: lists of facts, and tables.
enum StatusFacts {
    private struct Fact {
        var name: String
        /// HTML.
        var value: String
        var isLong = false
    }

    private static func list(_ facts: [Fact]) -> String {
        "<dl>\n"
            + facts.map {
                "<div\($0.isLong ? " class=\"long\"" : "")><dt>\($0.name)</dt><dd>\($0.value)</dd></div>\n"
            }.joined() + "</dl>"
    }

    /// The last five minutes, and the gauges.
    static func now(_ reading: SnapshotSource.Reading, _ history: TrafficHistory?) -> String {
        let snapshot = reading.snapshot
        var facts: [Fact] = []
        // With the log off there are no rows to compute rates from.
        if let recent = recent(snapshot, history), snapshot.keepsRows {
            func rate(_ value: Int64, per seconds: Double) -> String { Quantity.number(Double(value) / recent.seconds * seconds) }
            let messages = snapshot.measuresMessages ? "Messages" : "Messages of batches"
            facts = [
                Fact(name: "\(messages) per second, \(recent.name)", value: rate(recent.step.messages, per: 1)),
                Fact(name: "Logins per minute, \(recent.name)", value: rate(recent.step.logins, per: 60)),
                Fact(name: "Failed logins per minute, \(recent.name)", value: rate(recent.step.failedLogins, per: 60)),
                Fact(name: "Fetches per second, \(recent.name)", value: rate(recent.step.fetches, per: 1)),
            ]
        }
        facts.append(
            Fact(
                name: "Active users, 1 / 7 / 30 days",
                value: snapshot.activeUsers.map(Self.people).joined(separator: " / "), isLong: true))
        let failing = snapshot.failingUsers.map(Self.people).joined(separator: " / ")
        if !snapshot.failingUsers.isEmpty { facts.append(Fact(name: "Users with failed logins, 5 min / 1 h", value: failing)) }
        var waiting = Self.people(snapshot.recipientsWaiting)
        if snapshot.recipientsWaiting > 0 {
            waiting += " <small>longest \(Quantity.age(seconds: snapshot.oldestWaitMicroseconds / 1_000_000))</small>"
        }
        facts.append(Fact(name: "Recipients with messages waiting", value: waiting))
        facts.append(Fact(name: "Events pending", value: Quantity.grouped(snapshot.pending)))
        if snapshot.lastDropMicroseconds > 0 {
            let now = Clock.realtimeNanoseconds() / 1_000_000_000
            let second = snapshot.lastDropMicroseconds / 1_000_000
            facts.append(Fact(name: "Last drop", value: Quantity.age(seconds: max(now, second) - second) + " ago"))
        }
        let size = Quantity.bytes(snapshot.logBytes &+ snapshot.walBytes)
        facts.append(Fact(name: "Event log", value: snapshot.keepsRows ? size : "off <small>\(size)</small>"))
        if let age = reading.heartbeatAgeNanoseconds {
            facts.append(Fact(name: "Last heartbeat", value: Quantity.age(seconds: age / 1_000_000_000) + " ago"))
        }
        if !snapshot.version.isEmpty { facts.append(Fact(name: "Plugin version", value: HTMLText.escaped(snapshot.version))) }
        return list(facts)
    }

    /// The page may be open where others see it.
    private static func people(_ count: UInt64) -> String {
        count > 0 && count <= SmallGroup.smallest ? "≤ \(SmallGroup.smallest)" : Quantity.grouped(count)
    }

    /// The last five minutes. If the size limit left less than that in the log: all of a server's time, by its counters, while it
    /// is younger than that; otherwise what is left, called what it is.
    private static func recent(
        _ snapshot: MetricsSnapshot, _ history: TrafficHistory?
    ) -> (step: TrafficHistory.Step, seconds: Double, name: String)? {
        guard let history, history.recent.seconds > 0 else { return nil }
        let seconds = history.recent.seconds
        guard seconds < 299, snapshot.counters[CounterIndex.removedForSize] > 0 else {
            return (history.recent, seconds, "last 5 min")
        }
        let now = Clock.realtimeNanoseconds()
        guard let created = snapshot.createdNanoseconds, snapshot.plugin.isUp, now > created, now - created < 300_000_000_000
        else {
            return (history.recent, seconds, "last \(Quantity.age(seconds: UInt64(seconds)))")
        }
        let age = max(1, Double(now - created) / 1e9)
        func total(_ indices: [Int]) -> Int64 { Int64(clamping: indices.reduce(0) { $0 &+ snapshot.counters[$1] }) }
        var step = TrafficHistory.Step()
        step.messages = total([CounterIndex.events(.messageEnqueue), CounterIndex.events(.batchEnqueue)])
        step.logins = total([CounterIndex.calls(.auth)])
        step.failedLogins = total(FailureClass.allCases.map { CounterIndex.authFailures($0) })
        step.fetches = total([CounterIndex.calls(.fetch)])
        return (step, age, "last \(Quantity.age(seconds: UInt64(age)))")
    }

    /// What happened in the window.
    static func window(_ history: TrafficHistory) -> String {
        let stats = history.stats
        func events(_ kind: EventKind) -> String { Quantity.text(stats.events[kind.index]) }
        let messages = stats.single.events + stats.batch.events
        return list([
            Fact(name: "Messages", value: Quantity.text(messages)),
            Fact(name: "Payload", value: Quantity.bytes(stats.single.bytes &+ stats.batch.bytes)),
            Fact(name: "Logins", value: events(.auth)),
            Fact(
                name: "Failed logins",
                value: "\(Quantity.text(stats.failedLogins)) "
                    + "<small>\(Quantity.share(stats.failedLogins, of: stats.events[EventKind.auth.index]))</small>"),
            Fact(name: "Fetches", value: events(.fetch)),
            Fact(name: "New channels", value: Quantity.text(stats.newChannels)),
            Fact(name: "Users registered", value: events(.userRegistered)),
            Fact(name: "Events dropped", value: Quantity.grouped(history.drops.sum)),
        ])
    }

    static func tables(_ history: TrafficHistory) -> String {
        "<div class=\"charts\">\n" + failures(history) + sizes(history) + "</div>"
    }

    private static func failures(_ history: TrafficHistory) -> String {
        guard !history.failures.isEmpty else { return "" }
        let rows = history.failures.map { failure in
            "<tr><th scope=\"row\"><code>\(failure.failureClass.name)</code></th>"
                + "<td class=\"n\">\(Quantity.text(failure.events))</td>"
                + "<td class=\"n\">\(Quantity.share(failure.events, of: history.stats.failedLogins))</td></tr>\n"
        }
        return """
            <div class="panel"><table><caption>Failed logins by class</caption>
            <thead><tr><th scope="col">Class</th><th scope="col" class="n">Logins</th><th scope="col" class="n">Share</th></tr></thead>
            <tbody>
            \(rows.joined())</tbody></table></div>

            """
    }

    private static func sizes(_ history: TrafficHistory) -> String {
        var rows = SizeName.allCases.compactMap { size -> String? in
            guard let values = history.stats.sizes.indices.contains(size.rawValue) ? history.stats.sizes[size.rawValue] : nil,
                values.count > 0
            else { return nil }
            let isBytes = size == .messagePayloadBytes || size == .batchPayloadBytes
            let cells = [values.p50, values.p90, values.p99].map {
                "<td class=\"n\">\(isBytes ? Quantity.bytes($0) : Quantity.grouped($0))</td>"
            }
            return "<tr><th scope=\"row\">\(name(size))</th>\(cells.joined())</tr>\n"
        }
        let waits = history.stats.waits
        if waits.count > 0 {
            let cells = [waits.p50, waits.p90, waits.p99].map {
                "<td class=\"n\">\(Quantity.wait(microseconds: $0))</td>"
            }
            rows.append("<tr><th scope=\"row\">delivery wait</th>\(cells.joined())</tr>\n")
        }
        guard !rows.isEmpty else { return "" }
        return """
            <div class="panel"><table><caption>Sizes and waits: percentiles</caption>
            <thead><tr><th scope="col">Size</th><th scope="col" class="n">p50</th><th scope="col" class="n">p90</th>\
            <th scope="col" class="n">p99</th></tr></thead>
            <tbody>
            \(rows.joined())</tbody></table></div>

            """
    }

    private static func name(_ size: SizeName) -> String {
        switch size {
        case .messagePayloadBytes: "message"
        case .batchPayloadBytes: "message in a batch"
        case .batchMessages: "messages in a batch"
        case .fetchMessages: "messages in a fetch"
        }
    }

    /// Counters since they began, and the causes of any drops.
    static func totals(_ reading: SnapshotSource.Reading) -> String {
        let snapshot = reading.snapshot
        let counters = snapshot.counters
        let messages = counters[CounterIndex.events(.messageEnqueue)] &+ counters[CounterIndex.events(.batchEnqueue)]
        let failed = FailureClass.allCases.reduce(UInt64(0)) { $0 &+ counters[CounterIndex.authFailures($1)] }
        var facts = [
            Fact(
                name: "Messages",
                value: Quantity.grouped(messages)
                    + (snapshot.measuresMessages ? "" : " <small>only those of batches are measured</small>")),
            Fact(name: "Logins", value: Quantity.grouped(counters[CounterIndex.calls(.auth)])),
            Fact(name: "Failed logins", value: Quantity.grouped(failed)),
            Fact(name: "Fetches", value: Quantity.grouped(counters[CounterIndex.calls(.fetch)])),
            Fact(name: "New channels", value: Quantity.grouped(counters[CounterIndex.channelsCreated])),
            Fact(name: "Users registered", value: Quantity.grouped(counters[CounterIndex.calls(.userRegistered)])),
        ]
        let drops = DropTotals(counters)
        if drops.sum == 0 { facts.append(Fact(name: "Events dropped", value: "0")) }
        for cause in DropCause.allCases where drops.sum(cause) > 0 {
            facts.append(Fact(name: "Dropped: \(words(cause))", value: Quantity.grouped(drops.sum(cause))))
        }
        if let oldest = snapshot.oldestEventMicroseconds, oldest > 0 {
            facts.append(
                Fact(name: "Oldest event in the log", value: Clock.readable(seconds: Int(oldest / 1_000_000)), isLong: true))
        }
        let began = snapshot.createdNanoseconds.map { "at \(Clock.readable(seconds: Int($0 / 1_000_000_000)))" }
        return "<p class=\"note\">Counting began \(began ?? "when the plugin was first started").</p>\n" + list(facts)
    }

    private static func words(_ cause: DropCause) -> String {
        switch cause {
        case .ringFull: "a ring was full"
        case .noSlot: "no room for a ring"
        case .logError: "lost with a log"
        case .torn: "power or damage"
        }
    }
}
