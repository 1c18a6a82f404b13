import Foundation
import TestSupport
import Testing

/// `privacy-report` measures what is really there.
@Suite struct PrivacyReportTests {
    let place = DataPlace()

    private func json() throws -> [String: Any] {
        let output = try place.tool.succeed("privacy-report", "-o", "json").output
        return try #require(try JSONSerialization.jsonObject(with: Data(output)) as? [String: Any])
    }

    private func drive(_ settings: [String: String], seed: Int = 3) throws {
        let host = try place.server(settings)
        _ = try host.tally("drive threads=2 calls=3000 seed=\(seed)")
        try host.shutDown()
    }

    @Test func itCountsWhatSQLiteCounts() throws {
        try drive([:])
        let report = try json()
        for table in ["identity_name", "user_name", "channel_name"] {
            let names = try #require(report[table + "s"] as? [String: Int])
            let rows = try place.log.query("SELECT count(*) FROM \(table)")[0][0]
            #expect(names == ["plain": 0, "pseudonyms": Int(rows) ?? -1], "\(table)")
        }
        let both = """
            SELECT sender a, recipient b, channel c, batch FROM batch_message
            UNION ALL SELECT sender, recipient, channel, NULL FROM message
            UNION ALL SELECT initiator, peer, channel, NULL FROM channel_created
            UNION ALL SELECT recipient, NULL, channel, NULL FROM fetch
            """
        let pairs = try place.log.query(
            """
            SELECT count(*) FROM (SELECT DISTINCT min(a, b), max(a, b) FROM (\(both))
            WHERE a NOT NULL AND b NOT NULL AND a <> b)
            """)
        #expect(report["linked_pairs"] as? Int == Int(pairs[0][0]))
        for (field, column) in [("shared_channels", "c"), ("shared_batches", "batch")] {
            let shared = try place.log.query(
                """
                WITH rows AS (\(both)),
                seen AS (SELECT \(column) g, a p FROM rows UNION ALL SELECT \(column), b FROM rows)
                SELECT count(*) FROM (SELECT g FROM seen WHERE g NOT NULL AND p NOT NULL
                GROUP BY g HAVING count(DISTINCT p) > 1)
                """)
            #expect(report[field] as? Int == Int(shared[0][0]), "\(field)")
            #expect(report[field] as? Int ?? 0 > 0)
        }
        #expect(report["linked_pairs_estimated"] as? Bool == false && report["partial"] as? Bool == false)
        let files = try #require(report["files"] as? [[String: Any]])
        #expect(files.compactMap { $0["name"] as? String } == TestSupport.names(in: place.path))
        for file in files {
            let name = try #require(file["name"] as? String)
            #expect(file["bytes"] as? Int == fileSize(place(name)))
            #expect(file["mode"] as? String == (name == "identity.key" ? "0600" : "0640"))
        }
        let epochs = try #require(report["epochs"] as? [[String: Any]])
        #expect(epochs.count == 1 && epochs[0]["key"] as? Bool == true)
    }

    @Test func itReportsWhatIsSetAndWhatToSet() throws {
        try drive(["IDENTITIES": "plain", "PAIRS": "on", "KEY_ROTATION": "off"])
        var text = try place.tool.succeed("privacy-report").text
        #expect(text.contains("in plain text") && text.contains("QPC_METRICS_PLUGIN_IDENTITIES=pseudonym"))
        try drive(["KEY_ROTATION": "off"])
        text = try place.tool.succeed("privacy-report").text
        #expect(text.contains("QPC_METRICS_PLUGIN_PAIRS=off") && text.contains("QPC_METRICS_PLUGIN_KEY_ROTATION=30d"))
        try overwrite(place("copy of events.db"), with: [1, 2, 3])
        for word in ["damaged", "left"] { try overwrite(place("events.db-wal.\(word)-1"), with: [1]) }
        chmod(place("copy of events.db"), 0o644)
        text = try place.tool.succeed("privacy-report").text
        #expect(text.contains("copy of events.db is not one of the plugin's files"))
        #expect(text.contains("chmod o= copy of events.db"))
        for word in ["damaged", "left"] { #expect(text.contains("remove events.db-wal.\(word)-1 when it is no longer needed")) }
    }

    @Test func noneHoldsNobody() throws {
        try drive(["IDENTITIES": "none"])
        let text = try place.tool.succeed("privacy-report").text
        #expect(text.contains("nobody: the log holds no identity, user or channel"))
        #expect(text.contains("no two people who are linked"))
        #expect(text.contains("there is no key"))
    }

    @Test func whatWaitsInADeadServersRingsIsSaid() throws {
        let host = try place.server(["FLUSH_INTERVAL": "1h"])
        try host.ask("fetch recipient=00010203 count=1")
        try host.ask("shutdown")
        for _ in 0..<5 { try host.ask("fetch recipient=00010203 count=1") }
        host.kill()
        #expect(try json()["pending"] as? Int == 5)
        #expect(try place.tool.succeed("privacy-report").text.contains("qpc-metrics recover"))
        _ = try place.tool.succeed("recover")
        #expect(try json()["pending"] as? Int == 0)
    }

    @Test func withoutALiveFileItReadsTheLogAlone() throws {
        try drive([:])
        unlink(place("live.qpcm"))
        let report = try json()
        #expect(report["identities"] == nil && report["linked_pairs"] as? Int ?? 0 > 0)
        #expect(try place.tool.succeed("privacy-report").text.contains("not known: there is no live.qpcm"))
    }

    @Test(
        "A quarantined file is said to hold events",
        arguments: [
            "events.db-wal.left-20261122T140501Z", "events.db.damaged-20261122T140501Z", "events.db.damaged-20261122T140501Z-wal",
        ])
    func quarantinedFilesHoldEvents(name: String) throws {
        try drive([:])
        for file in [name, "notes.left-over"] { try Data([1]).write(to: URL(filePath: place(file))) }
        let text = try place.tool.succeed("privacy-report").text
        let line = try #require(text.split(separator: "\n").first { $0.contains(name) })
        #expect(line.contains("events of a damaged or deleted log"))
        #expect(text.contains("remove \(name) when it is no longer needed"))
        #expect(!text.contains("\(name) is not one of the plugin's files"))
        #expect(text.contains("notes.left-over is not one of the plugin's files"))
    }

    @Test func progressIsOnlyForATerminal() throws {
        try drive([:])
        let command = "\(BuiltProducts.commandLine) privacy-report --dir \(place.path)"
        let shown = try run(["script", "-qec", command, "/dev/null"])
        #expect(shown.status == 0 && shown.text.contains("TO HOLD LESS"))
        #expect(try place.tool.run("privacy-report").errors.isEmpty)
    }
}
