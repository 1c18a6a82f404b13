import Glibc
import Pseudonyms

/// How far a log has been sent to a server, and what is being sent: a small file, replaced in one step and synced before the
/// first byte of a batch leaves, so that whoever continues after a crash sends the same batch again.
///
///     qpc-metrics ship 1
///     to clickhouse+http://127.0.0.1:8123/qpc
///     server chat-1
///     log /var/lib/quicprochat/metrics
///     began 4096
///     branch 00112233445566778899aabbccddeeff
///     sent 131071
///     sending 196607
public struct ShipCursor: Equatable, Sendable {
    public var target: String
    public var server: String
    /// The data directory, without symbolic links; nil if it is not known.
    public var log: String?
    /// Up to this id events were in the log when the shipment began: what is missing among them was never its to send.
    public var began: Int64?
    /// The name of the branch to which the event `sent` belongs; nil before the first batch.
    public var branch: [UInt8]?
    /// The id of the last event that is known to have arrived.
    public var sent: Int64 = 0
    /// The last id of the batch that is being sent; nil for none.
    public var sending: Int64?

    public init(target: String, server: String) {
        self.target = target
        self.server = server
    }

    private static let firstLine = "qpc-metrics ship 1"

    public var text: String {
        var text = "\(Self.firstLine)\nto \(target)\nserver \(server)\n"
        if let log { text += "log \(log)\n" }
        if let began { text += "began \(began)\n" }
        if let branch { text += "branch \(branch.hexadecimal)\nsent \(sent)\n" }
        if let sending { text += "sending \(sending)\n" }
        return text
    }

    /// Nil if the text is not a cursor.
    public init?(_ text: String) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.popLast() == "", lines.first.map({ $0 == Self.firstLine }) == true else { return nil }
        var values: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let space = line.firstIndex(of: " ") else { return nil }
            values[String(line[..<space])] = String(line[line.index(after: space)...])
        }
        guard let target = values["to"], let server = values["server"] else { return nil }
        self.target = target
        self.server = server
        log = values["log"]
        if let text = values["began"] {
            guard let began = Int64(text) else { return nil }
            self.began = began
        }
        guard let name = values["branch"] else { return }
        guard let branch = Hexadecimal.decode(name), branch.count == 16, let sent = values["sent"].flatMap({ Int64($0) }) else {
            return nil
        }
        self.branch = branch
        self.sent = sent
        guard let sending = values["sending"] else { return }
        guard let to = Int64(sending), to > sent else { return nil }
        self.sending = to
    }
}

extension [UInt8] {
    var hexadecimal: String { String(decoding: withUnsafeBytes { Hexadecimal.encode($0) }, as: UTF8.self) }
}

/// Why a cursor file cannot be used.
public enum ShipCursorError: Error {
    case system(operation: String, path: String, code: Int32)
    case notACursor(path: String)
    /// Another process is using it.
    case inUse(path: String)

    public var isMissing: Bool {
        if case .system(_, _, let code) = self { return code == ENOENT || code == ENOTDIR }
        return false
    }

    public var isPermission: Bool {
        if case .system(_, _, let code) = self { return code == EACCES || code == EPERM }
        return false
    }

    public var message: String {
        switch self {
        case .system(let operation, let path, let code): "cannot \(operation) \(path): \(String(cString: strerror(code)))"
        case .notACursor(let path):
            "\(path) is not a cursor of ship; move it away, and ship asks the server what it already has"
        case .inUse(let path): "another ship uses \(path); give each its own --cursor-file"
        }
    }
}

/// The file that holds a cursor; one process at a time.
public final class ShipCursorFile {
    public let path: String
    private let lock: Int32
    private var written: ShipCursor?

    public init(_ path: String) throws(ShipCursorError) {
        self.path = path
        // Its own file: the cursor's is replaced.
        let name = path + ".lock"
        lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw .system(operation: "write", path: name, code: errno) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            // Now that everything is initialized, `deinit` closes it.
            let code = errno
            throw code == EWOULDBLOCK ? .inUse(path: path) : .system(operation: "lock", path: name, code: code)
        }
    }

    deinit { close(lock) }

    /// Nil if there is none yet.
    public func read() throws(ShipCursorError) -> ShipCursor? {
        if access(path, F_OK) != 0 && errno == ENOENT { return nil }
        let cursor = try Self.look(path).cursor
        written = cursor
        return cursor
    }

    /// Reads a file that a shipper may be using, and says when it was written, in microseconds since 1970.
    static func look(_ path: String) throws(ShipCursorError) -> (cursor: ShipCursor, written: Int64) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(operation: "read", path: path, code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(operation: "read", path: path, code: errno) }
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw .system(operation: "read", path: path, code: errno) }
        guard count < bytes.count, let cursor = ShipCursor(String(decoding: bytes.prefix(count), as: UTF8.self)) else {
            throw .notACursor(path: path)
        }
        return (cursor, Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1000)
    }

    /// On disk when it returns.
    public func write(_ cursor: ShipCursor) throws(ShipCursorError) {
        if cursor == written { return }
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(operation: "write", path: temporary, code: errno) }
        let bytes = Array(cursor.text.utf8)
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        // It holds no secret, and the group may want to know how far behind a shipper is.
        fchmod(descriptor, 0o640)
        let isSynced = count == bytes.count && fsync(descriptor) == 0
        let code = count >= 0 && count < bytes.count ? ENOSPC : errno
        close(descriptor)
        guard isSynced else {
            unlink(temporary)
            throw .system(operation: "write", path: temporary, code: code)
        }
        guard rename(temporary, path) == 0 else { throw .system(operation: "replace", path: path, code: errno) }
        try syncDirectory()
        written = cursor
    }

    private func syncDirectory() throws(ShipCursorError) {
        let end = path.utf8.lastIndex(of: 0x2F)
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(operation: "open", path: directory, code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system(operation: "sync", path: directory, code: errno) }
    }
}
