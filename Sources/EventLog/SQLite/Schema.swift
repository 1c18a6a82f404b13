import CMachine
import CSQLite
import MetricsModel

/// The log's tables, `Version.log`. docs/EVENT-LOG.md describes them for people who open the log themselves.
///
/// One table per kind, so that the newest events of a rare kind are found without an index; all share one sequence of ids.
/// Whatever repeats, a user, key, channel or reason, is stored once and referred to by a small number.
public enum Schema {
    public static var version: Int64 { Int64(Version.log) }
    /// The entry of `state` that names the first version of the product that reads the log's schema.
    static let needsKey = "needs"
    /// "qpcm": how `file(1)` and SQLite's `application_id` identify the log.
    public static let applicationID: Int64 = 0x7170_636D

    /// Settings that are stored in the file, or must be set before the first table is created.
    static let creation = """
        PRAGMA page_size = 4096;
        PRAGMA auto_vacuum = INCREMENTAL;
        PRAGMA journal_mode = WAL;
        """

    static let tables = """
        CREATE TABLE message (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, sender INTEGER, recipient INTEGER, channel INTEGER,
            bytes INTEGER NOT NULL, seq INTEGER NOT NULL);
        CREATE TABLE batch_message (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, sender INTEGER, recipient INTEGER, channel INTEGER,
            bytes INTEGER NOT NULL, seq INTEGER NOT NULL, batch INTEGER NOT NULL, batch_size INTEGER NOT NULL);
        CREATE TABLE auth (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, user INTEGER, ok INTEGER NOT NULL, reason INTEGER);
        CREATE TABLE channel_created (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, channel INTEGER, initiator INTEGER, peer INTEGER,
            new INTEGER NOT NULL);
        CREATE TABLE fetch (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, recipient INTEGER, channel INTEGER,
            count INTEGER NOT NULL);
        CREATE TABLE user_registered (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, user INTEGER, identity INTEGER);

        CREATE TABLE identity_name (id INTEGER PRIMARY KEY, value NOT NULL UNIQUE, last_seen INTEGER NOT NULL);
        CREATE TABLE user_name (id INTEGER PRIMARY KEY, value NOT NULL UNIQUE);
        CREATE TABLE channel_name (id INTEGER PRIMARY KEY, value NOT NULL UNIQUE);
        CREATE TABLE reason_name (id INTEGER PRIMARY KEY, value NOT NULL UNIQUE);

        CREATE TABLE epoch (epoch INTEGER PRIMARY KEY, first_id INTEGER NOT NULL);

        CREATE TABLE counter (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, ringed INTEGER NOT NULL, direct INTEGER NOT NULL);
        CREATE TABLE ring (
            slot INTEGER PRIMARY KEY, position INTEGER NOT NULL, batch INTEGER NOT NULL,
            batch_size INTEGER NOT NULL);
        CREATE TABLE state (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
        """

    /// Tables that logs of earlier releases lack, and get when a plugin opens them.
    static var addedTables: String {
        RowCheck.table + DropTable.table + WaitingTable.table + DeliveryTable.table + BranchTable.table
    }

    /// The readable view: every kind, every field, names instead of numbers.
    static var view: String {
        var text = "CREATE VIEW events AS\n"
        for kind in EventKind.allCases {
            if kind.index > 0 { text += "\nUNION ALL\n" }
            text += "SELECT id, strftime('%Y-%m-%dT%H:%M:%S', time / 1000000, 'unixepoch') "
            text += "|| printf('.%06dZ', time % 1000000) AS time, '\(kind.name)' AS kind"
            let fields = kind.fields
            for field in EventField.allCases where field.rawValue > EventField.kind.rawValue {
                // The first SELECT names the view's columns.
                let absent = kind.index == 0 ? "NULL AS \(field.name)" : "NULL"
                text += ", " + (fields.contains(field) ? shown(field) : absent)
            }
            text += " FROM \(kind.table)"
        }
        return text + ";"
    }

    private static func shown(_ field: EventField) -> String {
        let column = field.name
        guard let names = field.names else {
            return field.isUnsigned ? "iif(\(column) < 0, printf('%llu', \(column)), \(column)) AS \(column)" : column
        }
        if names == .reason { return "(SELECT value FROM \(names.table) WHERE id = \(column))" }
        // Pseudonyms and keys are blobs; a plain user name is text.
        return
            "(SELECT iif(typeof(value) = 'text', value, lower(hex(value))) FROM \(names.table) WHERE id = \(column)) AS \(column)"
    }

    /// Creates the tables of a new log, in one transaction.
    static func create(in database: Database) throws(LogError) {
        try database.execute(creation, operation: "set up")
        try database.execute("BEGIN IMMEDIATE", operation: "set up")
        try database.execute(tables, operation: "set up")
        try database.execute(Segment.tables + addedTables, operation: "set up")
        try database.execute(view, operation: "set up")
        try database.execute(
            "PRAGMA application_id = \(applicationID); " + signature + "COMMIT;", operation: "set up")
    }

    private static var signature: String {
        "PRAGMA user_version = \(version); INSERT INTO state VALUES ('\(needsKey)', '\(Version.logNeeds)');"
    }

    /// Changes a log of an older schema into the current one, in one transaction that rewrites no row: milliseconds, however
    /// large the log is. Segments that were complete before stay without an index until `rebuild`, and are read from their rows.
    static func migrate(_ database: Database, from found: Int64) throws(LogError) {
        guard found < version else { return }
        try database.execute("BEGIN IMMEDIATE", operation: "migrate")
        do {
            // Version 1 had no segments. The view is made anew so that it is the documented one.
            try database.execute(Segment.tables + "DROP VIEW IF EXISTS events;" + view, operation: "migrate")
            try database.execute(signature + "COMMIT;", operation: "migrate")
        } catch {
            try? database.execute("ROLLBACK", operation: "migrate")
            throw error
        }
    }

    /// Lets a reader, which may not migrate a log of an older schema, read it as if it had the tables that it lacks, all empty.
    package static func stand(in database: Database, for found: Int64) throws(LogError) {
        guard found < version else { return }
        try database.execute("PRAGMA temp_store = MEMORY;" + Segment.temporaryTables, operation: "open")
    }

    /// - Returns: the log's schema version, which this program reads.
    /// - Throws: `LogError`: `isNewer` for a log of a newer schema; with SQLITE_NOTADB or SQLITE_CORRUPT for a file that is not
    ///   a log.
    package static func check(_ database: Database) throws(LogError) -> Int64 {
        let application = try database.integer("PRAGMA application_id", operation: "open") ?? 0
        guard application == applicationID else {
            throw LogError(
                operation: "open", path: database.path, code: SQLITE_NOTADB,
                detail: "it is not an event log (application_id \(application))")
        }
        let found = try database.integer("PRAGMA user_version", operation: "open") ?? 0
        if let newer = NewerFormat(found: UInt64(clamping: found), known: Version.log, needs: needs(database)) {
            throw LogError(newer, path: database.path)
        }
        guard found >= Int64(Version.oldestLog), found <= version else {
            throw LogError(
                operation: "open", path: database.path, code: SQLITE_NOTADB,
                detail: "there is no schema version \(found); this program reads \(Version.oldestLog) to \(version)")
        }
        return found
    }

    /// The same for those who read other files of the directory. Through SQLite, although a few bytes of the file would do:
    /// closing any other descriptor of the log would drop the locks of this process's connections to it.
    ///
    /// - Throws: `LogError.isNewer`; nothing for a log that cannot be read, or is none.
    package static func expectKnown(_ path: String) throws(LogError) {
        guard access(path, F_OK) == 0, let database = try? Database(path: path, mode: .reader) else { return }
        do throws(LogError) { _ = try check(database) } catch { if error.isNewer { throw error } }
    }

    /// The version that a log asks for, which every later schema will keep in the same place.
    private static func needs(_ database: Database) -> String? {
        guard let query = try? database.prepare("SELECT value FROM state WHERE key = '\(needsKey)'", operation: "open"),
            (try? query.step(operation: "open")) == true
        else { return nil }
        return NewerFormat.version(query.bytes(0))
    }
}
