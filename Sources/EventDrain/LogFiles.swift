import CMachine

/// Which files an open log consists of, to notice when others, or none, lie in their places. SQLite itself goes on
/// writing into a file that has lost its name.
struct LogFiles {
    private let path: String
    private var log: Identity
    private var writeAhead: Identity
    private var index: Identity
    private var written: Moment

    /// When a file was last written to, and how long it was then.
    private struct Moment {
        var seconds = 0
        var nanoseconds = 0
        var bytes = 0

        static func of(_ path: String) -> Moment? {
            var status = stat()
            guard qpcm_lstat(path, &status) == 0 else { return nil }
            return Moment(
                seconds: Int(status.st_mtim.tv_sec), nanoseconds: Int(status.st_mtim.tv_nsec), bytes: Int(status.st_size))
        }

        func isSame(as other: Moment) -> Bool {
            seconds == other.seconds && nanoseconds == other.nanoseconds && bytes == other.bytes
        }
    }

    /// A file's name for the kernel, or that there is none.
    private struct Identity {
        var device: UInt64 = 0
        var inode: UInt64 = 0

        /// Of what lies at a path; nil if that cannot be told.
        static func of(_ path: String) -> Identity? {
            var status = stat()
            if qpcm_lstat(path, &status) == 0 {
                return Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
            }
            return qpcm_errno() == ENOENT ? Identity() : nil
        }

        func isSame(as other: Identity) -> Bool { device == other.device && inode == other.inode }
        var isMissing: Bool { inode == 0 }
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

    /// - Parameter path: of a log that was opened just now.
    init(openedAt path: String) {
        self.path = path
        log = Identity.of(path) ?? Identity()
        writeAhead = Identity.of(path + "-wal") ?? Identity()
        index = Identity.of(path + "-shm") ?? Identity()
        written = Moment.of(path) ?? Moment()
    }

    /// The plugin itself has moved the write-ahead file into the log, which nothing else writes to.
    mutating func didCheckpoint() { written = Moment.of(path) ?? written }

    /// What happened to the files since; nil if nothing did, or if the disk does not say. Four system calls.
    func change() -> Change? {
        if let now = Identity.of(path), !now.isSame(as: log) { return now.isMissing ? .missing : .replaced }
        if let now = Identity.of(path + "-wal"), !now.isSame(as: writeAhead) { return .incomplete }
        if let now = Identity.of(path + "-shm"), !now.isSame(as: index) { return .incomplete }
        if let now = Moment.of(path), !now.isSame(as: written) { return .overwritten }
        return nil
    }

    /// Whether the write-ahead file that lies there is still the one of this log, and not empty: the next log must not
    /// take it for its own.
    var hasLeftWriteAheadFile: Bool {
        guard let now = Identity.of(path + "-wal"), !now.isMissing, now.isSame(as: writeAhead) else { return false }
        var status = stat()
        return qpcm_lstat(path + "-wal", &status) == 0 && status.st_size > 0
    }
}
