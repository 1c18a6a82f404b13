import EventLog
import MetricsModel
import Pseudonyms
import TestSupport

@testable import EventDrain

/// A log that one thread writes at times that the test chooses, with its keys managed as in the plugin.
final class EpochHistory {
    let place = TemporaryDirectory()
    var directory: String { place("data") }
    private(set) var writer: EventLogWriter
    private(set) var upkeep: KeyRotation
    private let held: DataDirectory
    private var monotonic: UInt64 = 1
    static let day: Int64 = 86_400_000_000

    init(identities: IdentityMode = .pseudonym, rotationDays: Int64?, start: (String) throws -> Void = { _ in }) throws {
        let held = try DataDirectory(path: place("data"), create: true)
        try start(place("data"))
        self.held = held
        let opened = try Self.open(held, identities, rotationDays)
        writer = opened.0
        upkeep = opened.1
    }

    private static func open(
        _ held: DataDirectory, _ identities: IdentityMode, _ rotationDays: Int64?
    ) throws -> (EventLogWriter, KeyRotation) {
        let outcome = try Recovery.run(
            held, settings: Settings(identities: identities), log: PluginLogger(level: .error))
        let upkeep = KeyRotation(
            directory: held.path,
            rotationNanoseconds: rotationDays.map { UInt64($0 * day * 1000) }, log: PluginLogger(level: .error))
        return (outcome.writer, upkeep)
    }

    /// The same directory, with other settings.
    func reopen(identities: IdentityMode = .pseudonym, rotationDays: Int64?) throws {
        let opened = try Self.open(held, identities, rotationDays)
        writer = opened.0
        upkeep = opened.1
    }

    static func key(of person: Int) -> [UInt8] { (0..<32).map { UInt8(truncatingIfNeeded: person >> (8 * ($0 % 4)) &+ $0) } }

    /// Each person fetches once at that time, in one transaction.
    func fetch(_ people: some Sequence<Int>, at microseconds: Int64) throws {
        try writer.beginTransaction()
        for person in people {
            try Self.key(of: person).withUnsafeBytes { key in
                var event = Event()
                event.timeMicroseconds = microseconds
                event.field0 = key
                try writer.append(event)
            }
        }
        try commit()
    }

    /// A failed login; returns the reason that the log then holds.
    func login(_ user: String, reason: [UInt8]) throws -> String? {
        try writer.beginTransaction()
        try Array(user.utf8).withUnsafeBytes { user in
            try reason.withUnsafeBytes { reason in
                var event = Event()
                event.kind = .auth
                event.timeMicroseconds = Self.day
                event.field0 = user
                event.field1 = reason
                try writer.append(event)
            }
        }
        try commit()
        let query = try writer.database.prepare(
            "SELECT value FROM auth JOIN reason_name ON reason_name.id = auth.reason ORDER BY auth.id DESC LIMIT 1")
        return try query.step() ? String(validating: query.bytes(0), as: UTF8.self) : nil
    }

    private func commit() throws {
        try writer.commitTransaction(session: (1, 2), rings: [], ringed: { _ in 0 }, direct: { _ in 0 })
    }

    /// What the plugin's thread does more than a minute later.
    func look(at microseconds: Int64) {
        monotonic += 61_000_000_000
        upkeep.run(writer, nowMicroseconds: microseconds, monotonicNanoseconds: monotonic)
    }

    func removeRows(before microseconds: Int64) throws {
        try writer.database.execute("DELETE FROM fetch WHERE time < \(microseconds)", operation: "remove from")
    }

    var keyFile: TestSupport.KeyFile { get throws { try TestSupport.KeyFile(place("data/identity.key")) } }

    /// Afterwards everything is in the log's main file, and nothing that was removed is.
    func checkpoint() throws {
        try writer.database.execute("PRAGMA secure_delete = ON; VACUUM", operation: "clean")
        try writer.checkpoint(truncating: true)
    }
}
