import Foundation
import TestSupport
import Testing

/// What commands say is true of the log as it is: after a kill, after events were removed, and of what was never measured.
@Suite struct TrueFiguresTests {
    let place = DataPlace()

    private func gauge(_ name: String) throws -> Double? { try place.tool.exposition().samples[name].flatMap { Double($0) } }

    private func waiting() throws -> Int {
        let answer = try place.tool.succeed("count", "--waiting", "--by", "recipient", "-o", "ndjson")
        return try NDJSON.decode(answer.output).count
    }

    private func statusLine(_ name: String) throws -> String? {
        try place.tool.run("status").lines.first { $0.hasPrefix(name + " ") }
    }

    /// Two recipients with messages, and three users of whom two fail to log in.
    private func act(_ host: ServerHost) throws {
        try host.ask(all: [
            "message sender=aa01 recipient=bb01 bytes=5 seq=1", "message sender=aa01 recipient=bb02 bytes=5 seq=2",
            "auth user=text:alice ok=0 reason=text:credentials", "auth user=text:alice ok=0 reason=text:credentials",
            "auth user=text:bob ok=0 reason=text:credentials", "auth user=text:carol ok=1",
        ])
    }

    private func expectNothing(_ what: String) throws {
        #expect(try waiting() == 0, "\(what)")
        #expect(try gauge("qpc_recipients_waiting") == 0, "\(what)")
        #expect(try gauge("qpc_delivery_oldest_waiting_seconds") == 0, "\(what)")
        #expect(try gauge("qpc_plugin_oldest_event_timestamp_seconds") == 0, "\(what)")
        let status = try place.tool.run("status").text
        #expect(!status.contains("oldest event") && !status.contains("\nwaiting "), "\(what): \(status)")
    }

    /// Nobody keeps the gauges of a dead server; the log has them.
    @Test func theGaugesOfADeadServerAreTheLogs() throws {
        let host = try place.server(["FLUSH_INTERVAL": "20ms"])
        try act(host)
        try eventually("all is in the log") { try place.tool.count() == 6 }
        host.kill()
        for what in ["died", "recovered"] {
            #expect(try waiting() == 2)
            #expect(try gauge("qpc_recipients_waiting") == 5, "\(what): small groups are 5")
            #expect(try place.tool.people().failing == ["5m": 2, "1h": 2], "\(what)")
            #expect(try statusLine("waiting")?.contains("2 recipients") == true, "\(what)")
            let json = try NDJSON.decode(place.tool.run("status", "-o", "json").output)
            #expect(json.first?["recipients_waiting"]?.number == 2)
            for window in ["5m", "1h"] {
                #expect(try gauge("qpc_auth_failing_users{window=\"\(window)\"}") == 5, "\(what)")
            }
            #expect(try (gauge("qpc_plugin_oldest_event_timestamp_seconds") ?? 0) > 0, "\(what)")
            try place.tool.run("recover")
        }
        try place.tool.succeed("prune", "--all", "--yes")
        try expectNothing("pruned")
    }

    @Test func anEmptyLogHasNoOldestEventAndNobodyWaitsInIt() throws {
        let host = try place.server(["FLUSH_INTERVAL": "20ms"])
        try act(host)
        try eventually("the oldest event is shown within seconds") {
            try place.tool.run("status").text.contains("oldest event")
        }
        try eventually("who waits is shown") { try place.tool.people().waiting == 2 }
        try place.tool.succeed("prune", "--all", "--yes")
        try expectNothing("pruned by a running server")
        try host.ask("message sender=aa01 recipient=bb03 bytes=5 seq=3")
        try eventually("a later message waits") { try waiting() == 1 && place.tool.people().waiting == 1 }
        try host.shutDown()
        #expect(try waiting() == 1)
        #expect(try place.tool.people().waiting == 1)
    }

    /// Without users or recipients in its rows, the log cannot know, and says nothing.
    @Test func whatTheLogCannotKnowIsAbsent() throws {
        let host = try place.server(["FLUSH_INTERVAL": "20ms", "IDENTITIES": "none"])
        try act(host)
        try eventually("the running server knows") { try place.tool.people().failing?["5m"] == 2 }
        host.kill()
        #expect(try gauge("qpc_auth_failing_users{window=\"5m\"}") == nil)
        #expect(try gauge("qpc_active_users{window=\"1d\"}") != nil)
    }

    /// The oldest event is the new log's as soon as there is one.
    @Test func anotherLogHasItsOwnOldestEvent() throws {
        let host = try place.server(["FLUSH_INTERVAL": "20ms"])
        try act(host)
        try eventually("the oldest event is shown") { try (gauge("qpc_plugin_oldest_event_timestamp_seconds") ?? 0) > 0 }
        for end in ["", "-wal", "-shm"] { unlink(place("events.db" + end)) }
        try eventually("another log has begun") { try place.tool.exposition().sum("qpc_plugin_events_dropped_total") == 6 }
        try eventually("nothing is shown of the old one") {
            try gauge("qpc_plugin_oldest_event_timestamp_seconds") == 0
        }
        let before = Date().timeIntervalSince1970
        try host.ask("fetch count=1")
        try eventually("its first event is its oldest") {
            try (gauge("qpc_plugin_oldest_event_timestamp_seconds") ?? 0) >= before - 0.001
        }
        try host.shutDown()
    }

    // MARK: What was removed

    @Test func whatTheSizeLimitRemovedIsMissedInTheAnswers() throws {
        let host = try place.server(["MAX_SIZE": "1MiB", "FLUSH_INTERVAL": "20ms"])
        _ = try host.tally("drive threads=2 calls=40000 seed=9 pause_us=10 wait=1")
        try host.ask("shutdown")
        func removed() throws -> UInt64 { try place.tool.exposition().sum("qpc_plugin_events_removed_total") }
        try eventually("the log is within its limit") {
            let pages = try place.log.query("PRAGMA page_count")
            return try UInt64(pages[0][0])! * 4096 <= 1 << 20 && removed() > 0
        }
        try host.shutDown()
        let metrics = try place.tool.exposition()
        let count = try removed()
        #expect(try metrics.value("qpc_plugin_events_removed_for_size_total") == count)
        let note = "note: \(grouped(count)) events of this window were removed by MAX_SIZE=1MiB"
        for command in [["count"], ["events", "-c"], ["stats"]] {
            let errors = try place.tool.succeed(command + ["--since", "-1d"]).errors
            #expect(errors.contains(note), "\(command): \(errors)")
        }
        // A window that begins later than counting did has lost some of them.
        let oldest = try oldestSecond()
        let part = try place.tool.succeed("count", "--since", "@\(oldest - 1)").errors
        #expect(part.contains("removed by MAX_SIZE=1MiB"), "\(part)")
        for words in [["count"], ["events", "-c"], ["count", "--since", "now"]] {
            #expect(try !place.tool.succeed(words).errors.contains("removed by"), "\(words)")
        }
        let keeps = try statusLine("keeps") ?? ""
        #expect(keeps.contains("30 days, at most 1 MiB: at this rate "), "\(keeps)")
        try place.tool.verify()
    }

    private func oldestSecond() throws -> Int64 {
        let tables = ["message", "batch_message", "auth", "channel_created", "fetch", "user_registered"]
        let times = try tables.compactMap { Int64(try place.log.query("SELECT coalesce(min(time), '') FROM \($0)")[0][0]) }
        return try #require(times.min()) / 1_000_000
    }

    @Test func whatForgetRemovedIsMissedInTheAnswers() throws {
        let host = try place.server(["FLUSH_INTERVAL": "20ms"])
        try act(host)
        try host.ask("shutdown")
        #expect(try !place.tool.succeed("count", "--since", "-1h").errors.contains("forget"))
        try place.tool.succeed("forget", "--user", "alice", "--yes")
        for command in [["count"], ["count", "--failed"], ["events"], ["stats"]] {
            let errors = try place.tool.succeed(command + ["--since", "-1h"]).errors
            #expect(errors.contains("note: up to 2 events of this window were removed by forget"), "\(command): \(errors)")
        }
        #expect(try !place.tool.succeed("count", "--kind", "message_enqueue", "--since", "-1h").errors.contains("forget"))
        let later = Int64(Date().timeIntervalSince1970) + 1
        #expect(try !place.tool.succeed("count", "--since", "@\(later)").errors.contains("forget"))
        try host.shutDown()
        try place.tool.verify()
    }

    // MARK: What was not measured

    @Test func messagesThatAreNotMeasuredAreNotShownAsNone() throws {
        let host = try place.server(["MESSAGE_HOOK": "off"])
        try host.ask("fetch count=1")
        try host.ask("shutdown")
        let metrics = try place.tool.exposition()
        for series in [
            "qpc_hook_calls_total{hook=\"message_enqueue\"}", "qpc_messages_total{path=\"single\"}",
            "qpc_sealed_messages_total{path=\"single\"}", "qpc_message_payload_bytes_count{path=\"single\"}",
            "qpc_plugin_hook_duration_seconds_count{hook=\"message_enqueue\"}",
        ] {
            #expect(metrics.samples[series] == nil, "\(series)")
            let other = series.replacing("message_enqueue", with: "batch_enqueue").replacing("single", with: "batch")
            #expect(metrics.samples[other] != nil, "\(other)")
        }
        #expect(metrics.samples["qpc_plugin_events_recorded_total{kind=\"message_enqueue\"}"] == "0")
        let words = "not measured (QPC_METRICS_PLUGIN_MESSAGE_HOOK=off)"
        #expect(try statusLine("messages")?.contains(words) == true)
        #expect(try place.tool.run("status").text.contains("MESSAGE_HOOK=off"))
        let stats = try place.tool.succeed("stats")
        #expect(stats.lines.contains { $0.hasPrefix("message_enqueue") && $0.contains("not measured") }, "\(stats.text)")
        #expect(stats.errors.contains(words), "\(stats.errors)")
        let screen = try place.tool.succeed("top", "--once").lines
        #expect(screen.contains { $0.hasPrefix("message_enqueue") && $0.contains("not measured") }, "\(screen)")
        let doctor = try place.tool.run("doctor").text
        #expect(doctor.contains("MESSAGE_HOOK=off") && doctor.contains("messages are not measured"), "\(doctor)")
        try host.shutDown()

        let next = try place.server()
        try next.ask("message recipient=00ff bytes=3 seq=1")
        try next.shutDown()
        #expect(try place.tool.exposition().samples["qpc_hook_calls_total{hook=\"message_enqueue\"}"] == "1")
        #expect(try statusLine("messages") == nil)
    }

    private func grouped(_ value: UInt64) -> String {
        var text = ""
        for (index, digit) in String(value).reversed().enumerated() {
            text = (index % 3 == 0 && index > 0 ? "\(digit)," : "\(digit)") + text
        }
        return text
    }
}
