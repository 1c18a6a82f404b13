import CMachine
import CSQLite

/// One connection to the log. Used by one thread at a time.
public final class Database {
    public enum Mode: Sendable {
        /// The only writer, and the only one that ever checkpoints.
        case writer
        /// Everyone else. Needs no write access to the directory.
        case reader
    }

    /// For a process whose threads have a connection each: SQLite then takes no lock that they share. Before the first
    /// connection; without effect afterwards.
    public static func prepareForThreads() { _ = qpcm_count_no_memory() }

    package let handle: OpaquePointer
    public let path: String
    /// Whether the WAL may hold pages that the disk lacks and that no sync will write: the kernel tries to write a page back
    /// once, and treats it as clean afterwards, even if that failed. True after a failed sync, and for a file left by another
    /// process, which may have hit the same error. Only a writer asks.
    private var isWALDoubtful = true
    private var syncsEachCommit = false

    public convenience init(path: String, mode: Mode) throws(LogError) {
        self.init(handle: try Self.open(path, mode), path: path)
        sqlite3_extended_result_codes(handle, 1)
        // The last connection to close would checkpoint the WAL into the log, whatever state both are in, and report no failure.
        // A reader never does that, and a writer decides when.
        _ = qpcm_never_checkpoint_on_close(handle)
        if mode == .reader { sqlite3_busy_timeout(handle, 5000) }
    }

    private init(handle: OpaquePointer, path: String) {
        self.handle = handle
        self.path = path
    }

    private static func open(_ path: String, _ mode: Mode) throws(LogError) -> OpaquePointer {
        var opened: OpaquePointer?
        var name = withoutLinks(path)
        var flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW
        switch mode {
        case .writer: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        case .reader:
            flags |= SQLITE_OPEN_READONLY
            // A reader that may write to the WAL index repairs it after a crash, under a lock that keeps a starting server out.
            // Where there is no index, as in a copy of the log, the reader has to create it.
            if access(path + "-shm", F_OK) == 0 {
                flags |= SQLITE_OPEN_URI
                // On a WAL whose header leads nowhere, SQLite fails with SQLITE_PROTOCOL after ten seconds. Not while a server
                // runs: its WAL index then says what is in the WAL.
                let isAlone = WALHeader.leadsNowhere(path + "-wal") && !isDirectoryHeld(path)
                name = "file:" + escaped(name) + (isAlone ? "?immutable=1" : "?readonly_shm=1")
            }
        }
        let code = sqlite3_open_v2(name, &opened, flags, nil)
        guard code == SQLITE_OK, let opened else {
            let detail = String(cString: sqlite3_errstr(code))
            let extended = opened.map { sqlite3_extended_errcode($0) } ?? code
            sqlite3_close_v2(opened)
            throw LogError(operation: "open", path: path, code: extended, detail: detail)
        }
        return opened
    }

    private static func isDirectoryHeld(_ path: String) -> Bool {
        let bytes = Array(path.utf8)
        let slash = bytes.lastIndex(of: 0x2F) ?? 0
        let directory = slash == 0 ? "." : String(decoding: bytes[..<slash], as: UTF8.self)
        let descriptor = qpcm_open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        return qpcm_is_marked_held(descriptor) == 1
    }

    /// A path escaped for a URI.
    private static func escaped(_ path: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in path.utf8 {
            switch byte {
            case 0x25, 0x3F, 0x23: bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]  // % ? #
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The path with its directory resolved. SQLite's NOFOLLOW refuses a symbolic link anywhere in a path, but only the log
    /// itself must not be one: data directories are reached through links.
    private static func withoutLinks(_ path: String) -> String {
        let bytes = Array(path.utf8)
        guard let slash = bytes.lastIndex(of: 0x2F), slash > 0,
            let resolved = realpath(String(decoding: bytes[..<slash], as: UTF8.self), nil)
        else { return path }
        defer { free(resolved) }
        return String(cString: resolved) + String(decoding: bytes[slash...], as: UTF8.self)
    }

    deinit { sqlite3_close_v2(handle) }

    /// Whether the open file is no longer at its path: moved, deleted or replaced.
    public var hasMoved: Bool {
        var moved: Int32 = 0
        return sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0
    }

    package func error(_ operation: String) -> LogError {
        error(operation, sqlite3_extended_errcode(handle), String(cString: sqlite3_errmsg(handle)))
    }

    private func error(_ operation: String, _ code: Int32, _ detail: String) -> LogError {
        let error = LogError(operation: operation, path: path, code: code, detail: detail)
        if error.isSync { isWALDoubtful = true }
        return error
    }

    /// Runs statements that return nothing.
    public func execute(_ sql: String, operation: String) throws(LogError) {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw error(operation) }
    }

    public func prepare(_ sql: String, operation: String = "query") throws(LogError) -> Statement {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(
            handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw error(operation) }
        return Statement(handle: prepared, database: self)
    }

    /// The first column of the first row as an integer; nil for no row or NULL.
    public func integer(_ sql: String, operation: String = "query") throws(LogError) -> Int64? {
        let statement = try prepare(sql, operation: operation)
        guard try statement.step(), !statement.isNull(0) else { return nil }
        return statement.integer(0)
    }

    public var changes: Int64 { sqlite3_changes64(handle) }

    /// Sets whether a commit is on disk when it returns; if not, `syncWAL` puts it there. Not inside a transaction.
    public func sync(eachCommit: Bool) throws(LogError) {
        try execute("PRAGMA synchronous = \(eachCommit ? "FULL" : "NORMAL")", operation: "open")
        syncsEachCommit = eachCommit
    }

    /// Flushes the WAL to disk. Not inside a transaction.
    public func syncWAL() throws(LogError) {
        if isWALDoubtful { try expect(qpcm_rewrite_wal(handle)) }
        try expect(qpcm_sync_wal(handle))
        isWALDoubtful = false
    }

    /// Call before a transaction begins: if its commit must be safe when it returns, so must everything before it.
    package func prepareTransaction() throws(LogError) {
        if syncsEachCommit && isWALDoubtful { try syncWAL() }
    }

    private func expect(_ code: Int32) throws(LogError) {
        guard code != SQLITE_OK else { return }
        throw error("sync", code, String(cString: sqlite3_errstr(code)))
    }

    /// How far a checkpoint got, in WAL frames.
    public struct Checkpoint {
        public var frames: Int32
        public var moved: Int32
    }

    /// How often this connection may have written to the log's own file: only checkpoints do.
    public private(set) var checkpoints = 0

    public func checkpoint(truncating: Bool) throws(LogError) -> Checkpoint {
        // A checkpoint overwrites the only other copy of what the WAL holds.
        if isWALDoubtful { try syncWAL() }
        checkpoints += 1
        var frames: Int32 = 0
        var moved: Int32 = 0
        let mode = truncating ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
        let code = sqlite3_wal_checkpoint_v2(handle, nil, mode, &frames, &moved)
        // Busy: a reader is in the way. Whatever could be moved has been.
        guard code == SQLITE_OK || code & 0xFF == SQLITE_BUSY else { throw error("checkpoint") }
        return Checkpoint(frames: frames, moved: moved)
    }

    /// Reads every page.
    ///
    /// - Throws: `LogError` with SQLITE_CORRUPT and the first problem found.
    public func quickCheck() throws(LogError) {
        let check = try prepare("PRAGMA quick_check(1)", operation: "check")
        guard try check.step(operation: "check") else { return }
        let found = check.bytes(0)
        // "ok", by its bytes.
        guard found.count == 2, found[0] == 0x6F, found[1] == 0x6B else {
            throw LogError(
                operation: "check", path: path, code: SQLITE_CORRUPT, detail: String(decoding: found, as: UTF8.self))
        }
    }

    public var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }
}

/// A prepared statement.
public final class Statement {
    private let handle: OpaquePointer
    private let database: Database

    package init(handle: OpaquePointer, database: Database) {
        self.handle = handle
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    @inline(__always)
    public func bind(_ value: Int64, at index: Int) { sqlite3_bind_int64(handle, Int32(truncatingIfNeeded: index), value) }

    @inline(__always)
    public func bindNull(at index: Int) { sqlite3_bind_null(handle, Int32(truncatingIfNeeded: index)) }

    public func bind(blob bytes: [UInt8], at index: Int) {
        _ = bytes.withUnsafeBytes {
            qpcm_bind_blob_copied(handle, Int32(index), $0.baseAddress, Int32($0.count))
        }
    }

    /// SQLite copies the bytes at once; they need not outlive the call.
    public func bind(blob bytes: UnsafeRawBufferPointer, at index: Int) {
        _ = qpcm_bind_blob_copied(handle, Int32(truncatingIfNeeded: index), bytes.baseAddress, Int32(bytes.count))
    }

    /// Text must be valid UTF-8.
    public func bind(text bytes: [UInt8], at index: Int) {
        _ = bytes.withUnsafeBytes {
            qpcm_bind_text_copied(
                handle, Int32(index), $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
        }
    }

    /// Returns true while there is a row.
    public func step(operation: String = "query") throws(LogError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let error = database.error(operation)
            sqlite3_reset(handle)
            throw error
        }
    }

    /// Runs a statement that returns nothing, and resets it.
    @inline(__always)
    public func run(operation: String) throws(LogError) {
        guard sqlite3_step(handle) == SQLITE_DONE else {
            let error = database.error(operation)
            sqlite3_reset(handle)
            throw error
        }
        sqlite3_reset(handle)
    }

    public func reset() { sqlite3_reset(handle) }

    @inline(__always)
    public func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    @inline(__always)
    public func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    public func isInteger(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_INTEGER }

    public func isText(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_TEXT }

    /// The bytes of a blob or text, valid until the next step.
    @inline(__always)
    package func withBytes<Result>(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let start = sqlite3_column_blob(handle, column)
        return body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }

    /// The bytes of a blob or text.
    public func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        let count = Int(sqlite3_column_bytes(handle, column))
        return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }
}
