import Foundation
import TestSupport
import Testing

/// Each event of a log is once in ClickHouse, whatever dies in between.
@Suite(.serialized) struct ShipTests {
    private let place = DataPlace()
    private var cursor: String { place.temporary("cursor") }

    /// A server with the tables; nil, and a word about it, where ClickHouse is not installed.
    private func fleet(for what: String) throws -> ClickHouseServer? {
        guard try ClickHouseServer.isInstalled(for: what) else { return nil }
        let server = try ClickHouseServer()
        _ = try place.tool.succeed(["ship", "schema", "--apply"] + server.options)
        return server
    }

    private func arguments(_ server: ClickHouseServer, _ more: [String] = [], as name: String = "chat-1") -> [String] {
        ["ship", "--server", name, "--cursor-file", cursor] + server.options + more
    }

    /// A stopped server's log.
    private func makeLog(calls: Int, seed: Int = 1, into place: DataPlace) throws {
        let host = try place.server()
        _ = try host.tally("drive threads=2 calls=\(calls) seed=\(seed)")
        try host.shutDown()
    }

    private func count(_ server: ClickHouseServer) throws -> UInt64 {
        let words = try server.ask("SELECT count(), uniqExact(log, id) FROM event").split(separator: "\t")
        guard words.count == 2, words[0] == words[1], let count = UInt64(words[0]) else {
            throw TestFailure("rows and different rows: \(words)")
        }
        return count
    }

    @Test func everyRowArrivesOnceAndAsItIs() throws {
        guard let server = try fleet(for: "shipping to ClickHouse") else { return }
        try makeLog(calls: 20_000, into: place)
        let first = try place.tool.succeed(arguments(server))
        #expect(first.text.contains(" sent to clickhouse+http://127.0.0.1:\(server.port)/qpc in "))
        #expect(try server.differences(place.path, server: "chat-1") == "")
        #expect(try count(server) == place.tool.count())
        #expect(permissions(cursor) == 0o640)

        // Nothing new, nothing sent.
        #expect(try place.tool.succeed(arguments(server)).text.hasPrefix("0 events sent"))
        // Without its cursor it asks the server, and sends nothing either.
        try FileManager.default.removeItem(atPath: cursor)
        let asked = try place.tool.succeed(arguments(server)).text
        #expect(asked.hasPrefix("0 events sent") && asked.contains("were there already"), "\(asked)")

        // A second run of the server.
        try makeLog(calls: 2_000, seed: 2, into: place)
        _ = try place.tool.succeed(arguments(server))
        #expect(try server.differences(place.path, server: "chat-1") == "")
        #expect(try server.ask("SELECT uniqExact(log) FROM event") == "2")
    }

    @Test func aShipperKilledAtAnyMomentSendsEachEventOnce() throws {
        guard let server = try fleet(for: "killing the shipper") else { return }
        try makeLog(calls: 150_000, into: place)
        let total = try place.tool.count()
        var random = SeededGenerator.announced("ShipTests")
        let start = Date()
        _ = try place.tool.succeed(arguments(server, as: "chat-0"))
        let duration = UInt32(1_000_000 * min(10, Date().timeIntervalSince(start)))
        try FileManager.default.removeItem(atPath: cursor)
        var kills = 0
        // Until all is there, a run has something to do; another server's name begins anew.
        var round = 0
        while kills < 20 {
            round += 1
            let name = "chat-\(round)"
            for _ in 0..<8 where kills < 20 {
                let child = try ChildProcess(
                    [BuiltProducts.commandLine] + arguments(server, ["--dir", place.path], as: name),
                    errorFile: place.temporary("errors"))
                usleep(UInt32.random(in: 0..<duration, using: &random))
                child.kill()
                if child.wait() < 0 { kills += 1 } else { break }
            }
            _ = try place.tool.succeed(arguments(server, as: name))
            let words = try server.ask("SELECT count(), uniqExact(log, id) FROM event WHERE server = '\(name)'")
            #expect(words == "\(total)\t\(total)", "\(name), after \(kills) kills")
            try FileManager.default.removeItem(atPath: cursor)
        }
        #expect(try server.differences(place.path, server: "chat-1") == "")
    }

    @Test func anEngineKilledInTheMiddleHasEachEventOnce() throws {
        guard let server = try fleet(for: "killing ClickHouse") else { return }
        try makeLog(calls: 150_000, into: place)
        var random = SeededGenerator.announced("ShipTests")
        let child = try ChildProcess(
            [BuiltProducts.commandLine] + arguments(server, ["--dir", place.path, "--follow", "--interval", "100ms"]),
            errorFile: place.temporary("errors"))
        for _ in 0..<4 {
            usleep(UInt32.random(in: 50_000..<700_000, using: &random))
            server.kill()
            try server.start()
        }
        // Events that come while it is away for certain: the kills above may have met a follower with nothing to send.
        func said(_ words: String) throws -> Bool {
            String(decoding: try read(place.temporary("errors")), as: UTF8.self).contains(words)
        }
        server.kill()
        try makeLog(calls: 5_000, seed: 2, into: place)
        try eventually("the follower tries again") { try said("trying again") }
        try server.start()
        try eventually("the follower is answered again") { try said("answers again") }
        let total = try place.tool.count()
        try eventually("all events are there") { try server.ask("SELECT uniqExact(log, id) FROM event") == "\(total)" }
        child.kill(SIGTERM)
        child.wait()
        #expect(try server.ask("SELECT count() FROM event") == "\(total)")
        #expect(try server.differences(place.path, server: "chat-1") == "")
    }

    @Test func aRestoredCopyOverwritesNothing() throws {
        guard let server = try fleet(for: "a log put back from a copy") else { return }
        try makeLog(calls: 2_000, into: place)
        #expect(try shell("cp -a \(place.path) \(place.temporary("copy"))").status == 0)
        try makeLog(calls: 3_000, seed: 2, into: place)
        _ = try place.tool.succeed(arguments(server))
        let before = try count(server)
        #expect(try before == place.tool.count())
        let common = try CommandLineTool(place.temporary("copy")).count()

        #expect(try shell("rm -rf \(place.path) && mv \(place.temporary("copy")) \(place.path)").status == 0)
        try makeLog(calls: 2_500, seed: 3, into: place)
        _ = try place.tool.succeed(arguments(server))
        let restored = try place.tool.count()
        #expect(try count(server) == before + restored - common)
        #expect(try server.ask("SELECT uniqExact(log) FROM event") == "3")
        // Ids were used twice, and both events are there.
        #expect(try server.ask("SELECT count() > uniqExact(id) FROM event") == "1")
    }

    @Test func aFollowerSendsWhatComes() throws {
        guard let server = try fleet(for: "following a log") else { return }
        let child = try ChildProcess(
            [BuiltProducts.commandLine] + arguments(server, ["--dir", place.path, "--follow"]),
            errorFile: place.temporary("errors"))
        let host = try place.server()
        for seed in 1...3 {
            _ = try host.tally("drive threads=2 calls=500 seed=\(seed)")
            let start = Date()
            try eventually("the events have arrived") { try count(server) == place.tool.count() }
            #expect(Date().timeIntervalSince(start) < 10)
        }
        try host.shutDown()
        try eventually("the last events have arrived") { try count(server) == place.tool.count() }
        child.kill(SIGTERM)
        child.wait()
        #expect(try server.differences(place.path, server: "chat-1") == "")
    }

    /// The port of `--listen 127.0.0.1:0`, once it says so.
    private func metricsPort() throws -> UInt16 {
        var port: UInt16?
        try eventually("it says where its metrics are") {
            let said = String(decoding: try read(place.temporary("errors")), as: UTF8.self)
            port = said.firstMatch(of: /metrics of this shipper: http:\/\/127\.0\.0\.1:(\d+)\/metrics/).flatMap {
                UInt16($0.output.1)
            }
            return port != nil
        }
        return try #require(port)
    }

    private func metrics(_ port: UInt16) throws -> Exposition {
        let answer = try LoopbackHTTP.get(port, "/metrics")
        guard answer.status == 200 else { throw TestFailure("\(answer.status) \(answer.text)") }
        return try Exposition(answer.text)
    }

    @Test func aShipperServesWhatItDoes() throws {
        guard let server = try fleet(for: "the metrics of ship") else { return }
        try makeLog(calls: 3_000, into: place)
        let child = try ChildProcess(
            [BuiltProducts.commandLine] + arguments(server, ["--dir", place.path, "--follow", "--listen", "127.0.0.1:0"]),
            errorFile: place.temporary("errors"))
        let port = try metricsPort()
        let total = try place.tool.count()
        try eventually("all events have arrived") { try metrics(port).value("qpc_ship_events_total") == total }
        try eventually("nothing waits") { try metrics(port).value("qpc_ship_lag_events") == 0 }
        var now = try metrics(port)
        #expect(now.samples["qpc_ship_lag_seconds"] == "0")
        #expect(try now.value("qpc_ship_batches_total") == 1)
        for cause in ["connection", "engine", "log"] { #expect(try now.value("qpc_ship_errors_total{cause=\"\(cause)\"}") == 0) }
        for cause in ["retention", "removed"] {
            #expect(try now.value("qpc_ship_skipped_events_total{cause=\"\(cause)\"}") == 0)
        }
        #expect(now.types["qpc_ship_lag_events"] == "gauge" && now.types["qpc_ship_events_total"] == "counter")
        #expect(now.samples.keys.contains { $0.hasPrefix("qpc_ship_build_info{version=") })
        #expect(now.samples["process_resident_memory_bytes"] != nil && now.samples["qpc_up"] == nil)
        for path in ["/", "/-/healthy", "/-/ready"] { #expect(try LoopbackHTTP.get(port, path).status == 200) }
        #expect(try LoopbackHTTP.get(port, "/nothing").status == 404)
        if try shell("command -v promtool").status == 0 {
            let checked = try shell("curl -fsS http://127.0.0.1:\(port)/metrics | promtool check metrics")
            #expect(checked.status == 0, "\(checked.errors)\(checked.text)")
        }
        #expect(try place.tool.run(["status", "--cursor-file", cursor]).text.contains("all events have arrived"))

        // While the server is away, what waits is seen in the log.
        server.kill()
        try makeLog(calls: 1_000, seed: 2, into: place)
        let waiting = try place.tool.count() - total
        try eventually("what waits is counted") { try metrics(port).value("qpc_ship_lag_events") == waiting }
        try eventually("failures are counted") {
            try metrics(port).value("qpc_ship_errors_total{cause=\"connection\"}") > 0
        }
        now = try metrics(port)
        #expect(Double(now.samples["qpc_ship_lag_seconds"] ?? "") ?? 0 > 0)
        #expect(try now.value("qpc_ship_events_total") == total)
        let status = try place.tool.run(["status", "--cursor-file", cursor]).text.replacingOccurrences(of: ",", with: "")
        #expect(status.contains("shipper     chat-1 to clickhouse+http://127.0.0.1:\(server.port)/qpc: \(waiting) events behind"))
        try server.start()
        try eventually("it has caught up") { try metrics(port).value("qpc_ship_lag_events") == 0 }
        #expect(try metrics(port).value("qpc_ship_events_total") == total + waiting)
        child.kill(SIGTERM)
        child.wait()
        #expect(try server.differences(place.path, server: "chat-1") == "")
    }

    /// No ClickHouse is needed to be behind.
    @Test func statusAndDoctorKnowAShipper() throws {
        try makeLog(calls: 500, into: place)
        let total = try place.tool.count()
        let to = ["--to", "clickhouse+http://qpc@127.0.0.1:1/qpc", "--server", "chat-1", "--cursor-file", cursor]
        #expect(try place.tool.run(["ship"] + to).status == 1)
        #expect(try !place.tool.run(["status"]).text.contains("shipper"))

        let well = try place.tool.doctor("--cursor-file", cursor)
        #expect(well.has("shipper", "ok", "chat-1 to clickhouse+http://127.0.0.1:1/qpc", "behind"), "\(well.checks)")
        // Its events are two hours old, and it has not run for as long.
        for table in ["message", "batch_message", "auth", "channel_created", "fetch", "user_registered"] {
            try SQLiteShell(place.path).change("UPDATE \(table) SET time = time - 7200000000")
        }
        let sends = try place.tool.doctor("--cursor-file", cursor)
        #expect(sends.has("shipper", "warning", "the oldest for 2 h", "qpcshipperlagging"), "\(sends.checks)")
        #expect(try shell("touch -d '3 hours ago' \(cursor)").status == 0)
        let stale = try place.tool.doctor("--cursor-file", cursor)
        #expect(
            stale.has("shipper", "warning", "nothing has arrived for 3 h", "systemctl start qpc-metrics-ship@"), "\(stale.checks)"
        )
        #expect(stale.status == well.status)
        let json = try place.tool.run(["status", "-o", "json", "--cursor-file", cursor]).text
        #expect(json.contains("\"lag_events\":\(total),") && json.contains("\"behind\":true,\"stale\":true"), "\(json)")

        // Another directory's shipper, and a file that is none.
        let other = DataPlace()
        try makeLog(calls: 10, into: other)
        #expect(try other.tool.doctor("--cursor-file", cursor).has("shipper", "warning", "another data directory"))
        try overwrite(cursor, with: Array("nonsense\n".utf8))
        #expect(try place.tool.doctor("--cursor-file", cursor).has("shipper", "warning", "not checked", "is not a cursor"))
        #expect(try place.tool.doctor("--cursor-file", place.temporary("none")).has("shipper", "warning", "not checked"))
    }

    @Test func whatForgetTookIsCounted() throws {
        guard let server = try fleet(for: "events that forget removes before they are sent") else { return }
        let host = try place.server()
        try host.ask("auth user=text:carol ok=1")
        try host.shutDown()
        _ = try place.tool.succeed(arguments(server))
        let later = try place.server()
        for user in ["alice", "bob", "alice", "bob", "bob"] { try later.ask("auth user=text:\(user) ok=1") }
        try later.shutDown()
        _ = try place.tool.succeed("forget", "--user", "alice", "--yes")
        let outcome = try place.tool.run(arguments(server))
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.text.contains("3 events sent") && outcome.text.contains("2 events had been removed from among others"))
        #expect(outcome.errors.contains("2 events of the ids "), "\(outcome.errors)")
        #expect(try count(server) == 4)
        // A shipment that begins now never had them to send.
        try FileManager.default.removeItem(atPath: cursor)
        let fresh = try place.tool.succeed(arguments(server, as: "chat-2"))
        #expect(fresh.text.hasPrefix("4 events sent") && fresh.errors.isEmpty && !fresh.text.contains("removed"), "\(fresh.text)")
    }

    private struct Comparison: Decodable {
        struct Difference: Decodable {
            var day, kind: String
            var in_log, in_engine, missing_there, not_in_log, changed: Int
            var ids: [Int64]
        }
        var ok: Bool
        var events, older_than_log, of_other_logs, not_sent_yet: Int
        var differences: [Difference]
    }

    private func compare(_ server: ClickHouseServer, _ status: Int32) throws -> Comparison {
        let outcome = try place.tool.run(
            ["ship", "verify", "-o", "json", "--server", "chat-1", "--cursor-file", cursor] + server.options)
        guard outcome.status == status, outcome.errors.isEmpty else {
            throw TestFailure("\(outcome.status) \(outcome.text)\(outcome.errors)")
        }
        return try JSONDecoder().decode(Comparison.self, from: Data(outcome.output))
    }

    @Test func verifyFindsEachRowThatDiffers() throws {
        guard let server = try fleet(for: "ship verify") else { return }
        try makeLog(calls: 3_000, into: place)
        _ = try place.tool.succeed(arguments(server))
        let total = Int(try place.tool.count())
        var same = try compare(server, 0)
        #expect(same.ok && same.events == total && same.differences.isEmpty && same.not_sent_yet == 0)
        let text = try place.tool.succeed(["ship", "verify", "--server", "chat-1", "--cursor-file", cursor] + server.options).text
        #expect(
            text.hasPrefix("same: ") && text.contains("server chat-1, clickhouse+http://127.0.0.1:\(server.port)/qpc"), "\(text)")

        // A row that is there twice until its parts are merged is one.
        try server.insert("SELECT * FROM event WHERE id IN (7, 8, 9)")
        #expect(try compare(server, 0).ok)

        // A row that is gone, and one that is another.
        let gone = try #require(Int64(server.ask("SELECT max(id) FROM event WHERE kind = 'fetch'")))
        let changed = try #require(Int64(server.ask("SELECT min(id) FROM event WHERE kind = 'message_enqueue'")))
        try server.alter("DELETE WHERE id = \(gone)")
        try server.alter("UPDATE bytes = bytes + 1 WHERE id = \(changed)")
        var found = try compare(server, 1)
        #expect(!found.ok && found.events == total)
        let missing = try #require(found.differences.first { $0.kind == "fetch" })
        #expect(missing.missing_there == 1 && missing.not_in_log == 0 && missing.changed == 0 && missing.ids == [gone])
        #expect(missing.in_log == missing.in_engine + 1)
        #expect(try missing.day == server.ask("SELECT substring(toString(time, 'UTC'), 1, 10) FROM event WHERE id = \(changed)"))
        let other = try #require(found.differences.first { $0.kind == "message_enqueue" })
        #expect(other.changed == 1 && other.missing_there == 0 && other.ids == [changed] && other.in_log == other.in_engine)
        #expect(found.differences.count == 2)
        let words = try place.tool.run(["ship", "verify", "--server", "chat-1", "--cursor-file", cursor] + server.options)
        #expect(
            words.status == 1 && words.text.hasPrefix("different: ") && words.text.contains("fetch: id \(gone)\n"),
            "\(words.text)")

        // A shipper without its cursor sends what is missing; what was changed back is the same again.
        try server.alter("UPDATE bytes = toUInt64(bytes - 1) WHERE id = \(changed)")
        try FileManager.default.removeItem(atPath: cursor)
        #expect(try place.tool.succeed(arguments(server)).text.hasPrefix("1 event sent"))
        #expect(try compare(server, 0).ok)

        // Each column counts.
        for column in ["sender", "recipient", "channel"] {
            try server.alter("UPDATE \(column) = reverse(\(column)) WHERE id = \(changed)")
            found = try compare(server, 1)
            #expect(found.differences.count == 1 && found.differences[0].changed == 1, "\(column)")
            try server.alter("UPDATE \(column) = reverse(\(column)) WHERE id = \(changed)")
        }
        same = try compare(server, 0)
        #expect(same.ok)
    }

    @Test func verifyTellsApartWhatWasRemoved() throws {
        guard let server = try fleet(for: "ship verify after removal") else { return }
        let host = try place.server()
        for user in ["bob", "alice", "alice", "bob"] { try host.ask("auth user=text:\(user) ok=1") }
        try host.shutDown()
        _ = try place.tool.succeed(arguments(server))
        // More that is not sent yet.
        try makeLog(calls: 100, seed: 2, into: place)
        let waiting = Int(try place.tool.count()) - 4
        #expect(try compare(server, 0).not_sent_yet == waiting)

        // Whom forget removed here is still there.
        _ = try place.tool.succeed("forget", "--user", "alice", "--yes")
        let found = try compare(server, 1)
        #expect(found.differences.map(\.not_in_log) == [2] && found.differences[0].missing_there == 0)
        let words = try place.tool.run(["ship", "verify", "--server", "chat-1", "--cursor-file", cursor] + server.options)
        #expect(words.text.contains("forget has removed 2 events of kind auth from the log"), "\(words.text)")

        // What retention took is no difference.
        _ = try place.tool.succeed("prune", "--all", "--yes")
        try makeLog(calls: 100, seed: 3, into: place)
        _ = try place.tool.run(arguments(server))
        let older = try compare(server, 0)
        #expect(try older.ok && older.older_than_log == 4 && older.events == Int(place.tool.count()))

        // Another log in its place: the rows of the old one are told apart once the new one has been sent.
        #expect(try shell("rm -rf \(place.path)").status == 0)
        try makeLog(calls: 100, seed: 4, into: place)
        let outcome = try place.tool.run(["ship", "verify", "--server", "chat-1", "--cursor-file", cursor] + server.options)
        #expect(outcome.status == 66 && outcome.errors.contains("is the cursor of another log"), "\(outcome.errors)")
        let before = Int(try count(server))
        _ = try place.tool.succeed(arguments(server))
        let replaced = try compare(server, 0)
        #expect(try replaced.ok && replaced.of_other_logs == before && replaced.events == Int(place.tool.count()))
        // A later day has nothing to compare.
        let later = try place.tool.succeed(
            ["ship", "verify", "--server", "chat-1", "--cursor-file", cursor, "--since", "2099-01-01"] + server.options)
        #expect(later.text.hasPrefix("same: 0 events of 0 days"), "\(later.text)")
    }

    @Test func verifySaysWhyItCannotLook() throws {
        guard let server = try fleet(for: "errors of ship verify") else { return }
        try makeLog(calls: 100, into: place)
        func fails(_ arguments: [String], _ status: Int32, _ words: String) throws {
            let outcome = try place.tool.run(["ship", "verify", "--server", "chat-1"] + arguments)
            #expect(
                outcome.status == status && outcome.errors.contains(words) && outcome.output == [],
                "\(outcome.status) \(outcome.errors)")
            #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        }
        let file = ["--cursor-file", cursor]
        try fails(server.options + file, 66, "there is no cursor file")
        #expect(
            try place.tool.run(["ship", "--to", "clickhouse+http://qpc@127.0.0.1:1/qpc", "--server", "chat-1"] + file).status == 1
        )
        try fails(["--to", "clickhouse+http://qpc@127.0.0.1:1/qpc"] + file, 66, "nothing has been sent yet")
        _ = try place.tool.succeed(arguments(server))
        try fails(["--to", server.url] + file, 77, "does not accept the user or the password")
        try fails(["--to", "clickhouse+http://127.0.0.1:1/qpc"] + file, 64, "is the cursor of another shipment")
        try fails(server.options + file + ["--dir", place.temporary("nowhere")], 66, "there is no event log")
        try fails(server.options + file + ["--follow"], 64, "--follow cannot be used with verify")
        try fails(server.options + file + ["--since", "whenever"], 64, "--since")
        try overwrite(place.temporary("none"), with: Array("nonsense\n".utf8))
        try fails(server.options + ["--cursor-file", place.temporary("none")], 66, "is not a cursor of ship")
        try server.alter("DROP COLUMN reason")
        try fails(server.options + file, 69, "no column reason")
        server.kill()
        try fails(server.options + file, 69, "Connection refused")
        #expect(try place.tool.run(["ship", "--since", "-1d"] + server.options).status == 64)
    }

    @Test func whatIsWrongIsSaid() throws {
        guard let server = try fleet(for: "errors of ship") else { return }
        try makeLog(calls: 100, into: place)
        func fails(_ arguments: [String], _ status: Int32, _ words: String) throws {
            let outcome = try place.tool.run(["ship", "--cursor-file", place.temporary("another")] + arguments)
            #expect(outcome.status == status, "\(outcome.errors)")
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
            #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
            #expect(outcome.output == [])
        }
        let to = ["--to", server.url]
        try overwrite(place.temporary("wrong"), with: Array("wrong\n".utf8))
        try fails(to + ["--password-file", place.temporary("wrong")], 77, "does not accept the user or the password")
        try fails(to, 77, "does not accept the user or the password")
        try fails(to + ["--password-file", place.temporary("nothing")], 66, "cannot read")
        try fails(["--to", "clickhouse+http://qpc@unknown.invalid/qpc"], 1, "unknown.invalid")
        try fails(["--to", "clickhouse+http://qpc@127.0.0.1:1/qpc"], 1, "Connection refused")
        try fails(["--to", "clickhouse+https://qpc@127.0.0.1:\(server.port)/qpc"], 1, "it does not use TLS")
        try fails(["--to", "http://127.0.0.1"], 64, "expected a URL like clickhouse+http://user@host:8123/database")
        try fails(["--to", "clickhouse+http://a:b@127.0.0.1"], 64, "--password-file")
        try fails(["--to", "clickhouse+http://127.0.0.1:\(server.port)/none"], 1, "qpc-metrics ship schema --apply")
        try fails(["--to", "clickhouse+http://127.0.0.1:\(server.port)/default"], 1, "there is no table 'event'")
        try fails(server.options + ["--dir", place.temporary("nowhere")], 66, "there is no event log")
        try fails(server.options + ["--interval", "1s"], 64, "--interval needs --follow")
        try fails(server.options + ["--listen", "nowhere"], 64, "--listen nowhere is not a valid address")
        try fails(server.options + ["--listen", "127.0.0.1:\(server.port)"], 1, "cannot listen on 127.0.0.1:\(server.port)")
        try fails(server.options + ["--apply"], 64, "--apply needs schema")

        // A cursor belongs to one shipment.
        _ = try place.tool.succeed(arguments(server))
        let other = try place.tool.run(arguments(server, as: "chat-2"))
        #expect(other.status == 64)
        #expect(other.errors.contains("server 'chat-1'"))
        try overwrite(cursor, with: Array("nonsense\n".utf8))
        #expect(try place.tool.run(arguments(server)).errors.contains("is not a cursor of ship"))
    }

    @Test func namesInTheClearDoNotLeaveTheMachine() throws {
        guard let server = try fleet(for: "plain names") else { return }
        let host = try place.server(["IDENTITIES": "plain"])
        try host.ask("auth user=text:alice ok=0 reason=text:invalid%20credentials")
        try host.shutDown()
        let outcome = try place.tool.run(arguments(server))
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("only pseudonyms leave the machine"))
        #expect(try count(server) == 0)
    }

    @Test func whatRetentionTookIsSaid() throws {
        guard let server = try fleet(for: "events that left before they were sent") else { return }
        try makeLog(calls: 500, into: place)
        _ = try place.tool.succeed(arguments(server))
        let sent = try count(server)
        try makeLog(calls: 500, seed: 2, into: place)
        let waiting = try place.tool.count() - sent
        _ = try place.tool.succeed("prune", "--all", "--yes")
        try makeLog(calls: 300, seed: 3, into: place)
        let outcome = try place.tool.run(arguments(server))
        #expect(outcome.status == 0)
        #expect(outcome.text.contains("events had left the log before they were sent"), "\(outcome.text)")
        #expect(
            outcome.errors.replacingOccurrences(of: ",", with: "").contains(
                "note: \(waiting) events left the log before they were sent"), "\(outcome.errors)")
        #expect(try count(server) == sent + place.tool.count())
        // One that begins only now passes over what was never its to send, and says nothing of it.
        try FileManager.default.removeItem(atPath: cursor)
        let later = try place.tool.succeed(arguments(server, as: "chat-2"))
        let digits = later.text.replacingOccurrences(of: ",", with: "")
        #expect(digits.hasPrefix("\(try place.tool.count()) events sent") && later.errors.isEmpty, "\(later.text)\(later.errors)")
    }
}
