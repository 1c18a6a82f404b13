import CSQLite
import MetricsModel

/// The log's tables, version 2. docs/EVENT-LOG.md describes them for people who open the log themselves.
///
/// One table per kind, so that the newest events of a rare kind are found without an index; all share one sequence of ids.
/// Whatever repeats, a user, key, channel or reason, is stored once and referred to by a small number.
public enum Schema {
    public static let version: Int64 = 2
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
            "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version); COMMIT;",
            operation: "set up")
    }

    /// - Throws: `LogError` with SQLITE_NOTADB or SQLITE_CORRUPT for a file that is not a log of this version.
    package static func check(_ database: Database) throws(LogError) {
        let application = try database.integer("PRAGMA application_id", operation: "open") ?? 0
        guard application == applicationID else {
            throw LogError(
                operation: "open", path: database.path, code: SQLITE_NOTADB,
                detail: "it is not an event log (application_id \(application))")
        }
        let found = try database.integer("PRAGMA user_version", operation: "open") ?? 0
        guard found == version else {
            throw LogError(
                operation: "open", path: database.path, code: SQLITE_NOTADB,
                detail: "it has schema version \(found), this program reads version \(version)")
        }
    }
}
