import CMachine
import EventLog
import MetricsMemory

/// Which files an open log consists of, to notice when others, or none, lie in their places. SQLite itself goes on
/// writing into a file that has lost its name.
struct LogFileWatch {
    private let path: String
    private var log: Entry
    private let writeAhead: Entry
    private let index: Entry

    /// What lies at a path, by one system call: which file, when it was last written to, how long it was then.
    private struct Entry {
        /// Nil if nothing is there.
        var identity: FileIdentity?
        var seconds = 0
        var nanoseconds = 0
        var bytes = 0

        /// Nil if that cannot be told.
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
        /// Another file lies in its place.
        case replaced
        /// The log is there, one of the files beside it is not.
        case incomplete
        /// The same file, and somebody else has written to it: put another's content in, or cut it off.
        case overwritten

        var text: String {
            switch self {
            case .missing: "was deleted or moved away while it was in use"
            case .replaced: "was replaced while it was in use"
            case .overwritten: "was written to by another program while it was in use"
            case .incomplete: "lost its write-ahead file or that one's index while they were in use"
            }
        }
    }

    /// - Parameter database: to a log that was opened just now.
    init(of database: Database) {
        path = database.path
        let found = Entry.of(path) ?? Entry()
        writeAhead = Entry.of(path + "-wal") ?? Entry()
        index = Entry.of(path + "-shm") ?? Entry()
        // Who took its place before it was looked at must not pass for it.
        log = database.hasMoved ? Entry() : found
    }

    /// The plugin itself has moved the write-ahead file into the log, which nothing else writes to.
    mutating func didCheckpoint() {
        if let now = Entry.of(path), now.isSameFile(as: log) { log = now }
    }

    /// What happened to the files since; nil if nothing did, or if the disk does not say. Three system calls.
    func change() -> Change? {
        guard let now = Entry.of(path) else { return nil }
        if let change = changeOfPlace(now) { return change }
        if !now.isAsWritten(as: log) { return .overwritten }
        if isOther(path + "-wal", than: writeAhead) || isOther(path + "-shm", than: index) {
            // They may have gone together with the log, since that was looked at.
            return changeOfPlace() ?? .incomplete
        }
        return nil
    }

    /// Whether the log itself is gone from its place, or another lies there.
    func changeOfPlace() -> Change? { Entry.of(path).flatMap { changeOfPlace($0) } }

    private func changeOfPlace(_ now: Entry) -> Change? {
        if now.isSameFile(as: log) { return nil }
        return now.isMissing ? .missing : .replaced
    }

    private func isOther(_ path: String, than file: Entry) -> Bool {
        guard let now = Entry.of(path) else { return false }
        return !now.isSameFile(as: file)
    }

    /// Whether the write-ahead file that lies there is still the one of this log, and not empty: the next log must not
    /// take it for its own.
    var hasLeftWriteAheadFile: Bool {
        guard let now = Entry.of(path + "-wal") else { return false }
        return !now.isMissing && now.isSameFile(as: writeAhead) && now.bytes > 0
    }
}
