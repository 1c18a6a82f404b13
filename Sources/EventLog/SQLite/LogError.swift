import CSQLite
import MetricsModel

/// A failure of the event log: the operation, the path, SQLite's extended result code and message. Never the content of an event.
public struct LogError: Error {
    public var operation: String
    public var path: String
    /// SQLite's extended result code.
    public var code: Int32
    public var detail: String
    /// Whether the log is intact, but of a newer format. It is left as it is.
    public private(set) var isNewer = false

    public init(operation: String, path: String, code: Int32, detail: String) {
        self.operation = operation
        self.path = path
        self.code = code
        self.detail = detail
    }

    init(_ newer: NewerFormat, path: String) {
        // A code that SQLite never has for a file.
        self.init(operation: "open", path: path, code: SQLITE_MISMATCH, detail: newer.words)
        isNewer = true
    }

    public var message: String {
        "cannot \(operation) \(path): \(detail)" + (isNewer ? "" : " (SQLite code \(code))")
    }

    /// This user may not write the file.
    public var isPermission: Bool { code & 0xFF == SQLITE_READONLY || code & 0xFF == SQLITE_PERM }

    /// Data that should survive a power cut may not.
    public var isSync: Bool { code == Self.failedSync || code == Self.failedDirectorySync }

    /// SQLITE_IOERR_FSYNC and SQLITE_IOERR_DIR_FSYNC, macros that Swift does not import.
    private static let failedSync = SQLITE_IOERR | 4 << 8
    private static let failedDirectorySync = SQLITE_IOERR | 5 << 8

    public var cause: FlushErrorCause { Self.cause(ofCode: code) }

    /// - Parameter code: SQLite's, extended or not.
    public static func cause(ofCode code: Int32) -> FlushErrorCause {
        switch code & 0xFF {
        case SQLITE_FULL: .full
        case SQLITE_BUSY, SQLITE_LOCKED: .busy
        case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM: .io
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
        default: .other
        }
    }
}
