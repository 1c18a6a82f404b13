import Foundation
import TestSupport
import Testing

/// A log of every schema that was ever written: it is read as it is, and becomes a current one under a server, losing no row.
@Suite struct UpgradeTests {
    let place = DataPlace()

    enum Release: String, CaseIterable, Sendable {
        case first = "1-first"
        case epochs = "1-epochs"
        case segments = "2-segments"
        case v0_1_0 = "2-0.1.0"
        case checks = "2-checks"
        case drops = "2-drops"
        case waits = "2-waits"

        var schema: String { String(rawValue.prefix(1)) }
        var key: String { self == .first || self == .segments ? "identity.key.0" : "identity.key.1" }
    }

    static let folder = BuiltProducts.packageRoot + "/Tests/Released/"
    /// The rows of the fixtures are as old as they are.
    static let settings = ["RETENTION": "off", "KEY_ROTATION": "off", "RING_SIZE": "64KiB"]
    /// What the fixtures hold, by kind.
    static let rows: [UInt64] = [2, 2, 2, 1, 2, 1]

    static func put(_ release: Release, in place: DataPlace) throws {
        mkdir(place.path, 0o750)
        try place.log.change(".read \(folder)\(release.rawValue).sql")
        try overwrite(place("identity.key"), with: read(folder + release.key))
        chmod(place("identity.key"), 0o600)
    }

    private var schema: String { get throws { try place.log.query("PRAGMA user_version")[0][0] } }

    private func expectFixture(_ what: String) throws {
        #expect(try place.tool.rows() == Self.rows, "\(what)")
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 3, "\(what)")
        #expect(try place.tool.count("--identity", hex(AttackerTests.keys[1])) == 5, "\(what)")
        #expect(try place.tool.count("--channel", hex(AttackerTests.channel)) == 7, "\(what)")
        #expect(try place.tool.count("--failed", "--reason", "not found") == 1, "\(what)")
    }

    @Test("A log of every release is read before any plugin has touched it", arguments: Release.allCases)
    func untouched(_ release: Release) throws {
        try Self.put(release, in: place)
        let before = try read(place("events.db"))
        try expectFixture(release.rawValue)
        for command in [
            ["stats", "--since", "2026-01-01"], ["count", "--by", "kind"], ["count", "--by", "user", "--top", "3"],
            ["count", "--distinct", "identity"], ["verify"], ["prometheus"], ["backfill", "--step", "5m"],
            ["privacy-report"], ["events", "-r", "-n", "3", "-o", "csv"],
        ] {
            let outcome = try place.tool.run(command)
            #expect(outcome.status == 0 && !outcome.output.isEmpty, "\(command): \(outcome.status) \(outcome.errors)")
        }
        #expect(try schema == release.schema)
        #expect(try read(place("events.db")) == before)
    }

    @Test("A log of every release becomes a current one, and goes on", arguments: Release.allCases)
    func migrate(_ release: Release) throws {
        try Self.put(release, in: place)
        let host = try place.server(Self.settings)
        try AttackerTests.act(host)
        try host.shutDown()
        #expect(!host.errors.contains("warning"), "\(host.errors)")
        #expect(names(in: place.path).allSatisfy { !$0.contains("damaged") && !$0.contains("left") })
        #expect(try schema == "2")
        try place.tool.verify()
        #expect(try place.tool.rows() == zip(Self.rows, [1, 2, 1, 1, 1, 1]).map { $0 + $1 })
        // The same people under the same key: an old log's names mean what they meant.
        #expect(try place.tool.count("--user", AttackerTests.alice, "--login-only") == 5)
        #expect(try place.tool.exposition().value("qpc_users_registered_total") == 2)
        // What `rebuild` makes of it, and the view for people, agree with the rows.
        _ = try place.tool.succeed("rebuild")
        try place.tool.verify()
        #expect(try place.log.query("SELECT count(*) FROM events")[0][0] == "17")
        #expect(try place.log.query("SELECT count(*) FROM events WHERE kind = 'fetch' AND count = 3")[0][0] == "2")
    }

    @Test("recover migrates as a start does", arguments: [Release.first, .v0_1_0])
    func recover(_ release: Release) throws {
        try Self.put(release, in: place)
        _ = try place.tool.succeed("recover")
        #expect(try schema == "2")
        try expectFixture(release.rawValue)
        try place.tool.verify()
    }

    /// A migration that copied rows would keep the server's start, or its drain, waiting for as long as the log is large.
    @Test func aLargeLogIsMigratedWithoutARowBeingRewritten() throws {
        try Self.put(.first, in: place)
        try place.log.change(
            """
            INSERT INTO message SELECT value, 1795851860136145 + value, 1, 2, 1, value % 5000, value
                FROM generate_series(11, 200000);
            UPDATE state SET value = 200000 WHERE key = 'last_id';
            UPDATE counter SET ringed = ringed + 199990 WHERE id IN (6, 71);
            PRAGMA wal_checkpoint(TRUNCATE);
            """)
        let bytes = try read(place("events.db")).count
        let host = try place.server(Self.settings.merging(["RING_SIZE": "8MiB"]) { $1 })
        let pages = try read(place("events.db-wal")).count / 4096
        #expect(bytes / 4096 > 1000 && pages < 128, "\(pages) of \(bytes / 4096) pages were written")
        let tally = try host.tally("drive threads=2 calls=2000 seed=11")
        try host.shutDown()
        #expect(try schema == "2")
        #expect(try place.tool.count() == 200_000 + tally.total)
        #expect(try place.tool.count("--kind", "message_enqueue", "--until", "@1795852060.136145") >= 199_992)
        try place.tool.verify()
        // The three complete segments of the old log are read from their rows until they get an index.
        _ = try place.tool.succeed("rebuild")
        #expect(try place.log.query("SELECT count(*) FROM segment WHERE segment < 3")[0][0] == "3")
        try place.tool.verify()
    }

    @Test(
        "An old log that takes the place of a running server's is migrated while events come",
        arguments: [Release.first, .v0_1_0])
    func underLoad(_ release: Release) throws {
        let old = DataPlace()
        try Self.put(release, in: old)
        try old.log.change("PRAGMA journal_mode = DELETE")
        let seed = SeededGenerator.announced("an old log under load").seed
        let server = try LoadedServer(Self.settings, seed: seed)
        try eventually("events are in the log") { try server.isWritten(above: 100) }
        let start = Date()
        try overwrite(server.place("aside"), with: read(old("events.db")))
        #expect(rename(server.place("aside"), server.place("events.db")) == 0)
        try server.awaitHealing(since: start, "events are in the old log")
        let account = try server.end(isAlone: false)
        #expect(account.twice == 0)
        #expect(try server.place.log.query("PRAGMA user_version")[0][0] == "2")
        #expect(try server.place.log.query("SELECT count(*) FROM message WHERE id <= 10")[0][0] == "2")
    }

    /// What the first versions did not write yet is 0 in their files.
    @Test func aDeadServersLiveFileOfTheFirstVersionIsRecovered() throws {
        let host = try place.server(Self.settings.merging(["FLUSH_INTERVAL": "1h"]) { $1 })
        try AttackerTests.act(host)
        host.kill()
        var content = try read(place("live.qpcm"))
        for range in [128..<256, 392..<440, 504..<544] {
            content.replaceSubrange(range, with: [UInt8](repeating: 0, count: range.count))
        }
        try overwrite(place("live.qpcm"), with: content)
        let next = try place.server(Self.settings)
        try next.shutDown()
        #expect(next.errors.contains("7 events of a server that did not shut down cleanly"), "\(next.errors)")
        #expect(try place.tool.count() == 7)
        try place.tool.verify()
    }
}
