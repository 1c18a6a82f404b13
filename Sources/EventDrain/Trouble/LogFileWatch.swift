import CMachine
import EventLog
import MetricsMemory

/// The files that make up an open log, to notice when other files, or none, are in their places. SQLite itself keeps writing
/// to a file that has lost its name.
struct LogFileWatch {
    private let path: String
    private var log: Entry
    private let writeAhead: Entry
    private let index: Entry

    /// What is at a path, from one system call: which file, when it was last written, and how long it was then.
    private struct Entry {
        /// Nil if nothing is there.
        var identity: FileIdentity?
        var seconds = 0
        var nanoseconds = 0
        var bytes = 0

        /// Nil if that cannot be determined.
        static func of(_ path: String) -> Entry? {
            var status = stat()
            guard qpcm_lstat(path, &status) == 0 else { return qpcm_errno() == ENOENT ? Entry() : nil }
            return Entry(
                identity: FileIdentity(status), seconds: Int(status.st_mtim.tv_sec),
                nanoseconds: Int(status.st_mtim.tv_nsec), bytes: Int(status.st_size))
        }

        var isMissing: Bool { identity == nil }
        func isSameFile(as other: Entry) -> Bool { identity == other.identity }
        func isAsWritten(as other: Entry) -> Bool {
            seconds == other.seconds && nanoseconds == other.nanoseconds && bytes == other.bytes
        }
    }

    enum Change {
        case missing
        /// Another file is in its place.
        case replaced
        /// The log is there, but its WAL or the WAL's index is gone or replaced.
        case incomplete
        /// The same file, but another program has written to it: replaced its content, or truncated it.
        case overwritten

        var text: String {
            switch self {
            case .missing: "was deleted or moved away while it was in use"
            case .replaced: "was replaced while it was in use"
            case .overwritten: "was written to by another program while it was in use"
            case .incomplete: "lost its WAL or the WAL's index while they were in use"
            }
        }
    }

    /// - Parameter database: the connection to a log that was just opened.
    init(of database: Database) {
        path = database.path
        let found = Entry.of(path) ?? Entry()
        writeAhead = Entry.of(path + "-wal") ?? Entry()
        index = Entry.of(path + "-shm") ?? Entry()
        // A file that took the log's place before this look must not pass for the log.
        log = database.hasMoved ? Entry() : found
    }

    /// The plugin itself has moved the WAL into the log. Nothing but a checkpoint writes to the log's file.
    mutating func didCheckpoint() {
        if let now = Entry.of(path), now.isSameFile(as: log) { log = now }
    }

    /// What has happened to the files since; nil if nothing has, or if that cannot be determined. Three system calls.
    func change() -> Change? {
        guard let now = Entry.of(path) else { return nil }
        if let change = changeOfPlace(now) { return change }
        if !now.isAsWritten(as: log) { return .overwritten }
        if isOther(path + "-wal", than: writeAhead) || isOther(path + "-shm", than: index) {
            // They may have gone along with the log, after it was checked.
            return changeOfPlace() ?? .incomplete
        }
        return nil
    }

    /// Whether the log itself is gone from its place, or another file is there.
    func changeOfPlace() -> Change? { Entry.of(path).flatMap { changeOfPlace($0) } }

    private func changeOfPlace(_ now: Entry) -> Change? {
        if now.isSameFile(as: log) { return nil }
        return now.isMissing ? .missing : .replaced
    }

    private func isOther(_ path: String, than file: Entry) -> Bool {
        guard let now = Entry.of(path) else { return false }
        return !now.isSameFile(as: file)
    }

    /// Whether the WAL that is there still belongs to this log and is not empty: the next log must not take it for its own.
    var hasLeftWriteAheadFile: Bool {
        guard let now = Entry.of(path + "-wal") else { return false }
        return !now.isMissing && now.isSameFile(as: writeAhead) && now.bytes > 0
    }
}
