import CMachine
import CMetricsLayout
import MetricsModel

/// Where a data directory's live file is: in it, or in the directory of `QPC_METRICS_PLUGIN_LIVE_DIR`, on a tmpfs. Whoever needs
/// the live file asks here.
///
/// In the second case the data directory has a file `live.path`, which holds the live file's absolute path and a newline:
///
///     /run/quicprochat/live-5f0c…32 digits….qpcm
///
/// The digits are a random id, made at each start. The live file's header has it too, with the data directory's device and inode.
/// A file without both, of another boot, or of another owner, is not this directory's: it is as good as missing. So nothing
/// stale is ever taken: not what lies there since an earlier boot, not another directory's, and not the original's for a copy.
public struct LivePlace: Sendable {
    public let path: String
    /// Nil: the live file is in the data directory itself.
    let id: (UInt64, UInt64)?
    private let directory: String

    /// Whether the live file is not in the data directory.
    public var isElsewhere: Bool { id != nil }

    /// Its path, if it is not in the data directory.
    public var elsewhere: String? { isElsewhere ? path : nil }

    /// What the data directory says.
    public static func find(in directory: String) -> LivePlace {
        let pointer = DataFile.livePath.path(in: directory)
        var status = stat()
        guard qpcm_lstat(pointer, &status) == 0 else {
            return LivePlace(path: DataFile.live.path(in: directory), id: nil, directory: directory)
        }
        if let path = read(pointer), let id = id(of: path) { return LivePlace(path: path, id: id, directory: directory) }
        // Unreadable, or not such a file: whoever opens it as a live file gets the reason, and may quarantine it.
        return LivePlace(path: pointer, id: (0, 0), directory: directory)
    }

    /// A new place in a directory, under a new id; nil for the data directory itself.
    static func make(in liveDirectory: String?, for directory: String) -> LivePlace {
        guard let liveDirectory else {
            return LivePlace(path: DataFile.live.path(in: directory), id: nil, directory: directory)
        }
        var id: (UInt64, UInt64) = (0, 0)
        _ = getrandom(&id.0, 8, 0)
        _ = getrandom(&id.1, 8, 0)
        return LivePlace(path: liveDirectory + "/" + prefix + digits(id.0) + digits(id.1) + suffix, id: id, directory: directory)
    }

    // MARK: The pointer

    private static var prefix: String { "live-" }
    private static var suffix: String { ".qpcm" }
    private static let limit = 4096

    private static func read(_ pointer: String) -> String? {
        let descriptor = qpcm_open(pointer, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        let count = bytes.withUnsafeMutableBytes { CMachine.read(descriptor, $0.baseAddress, limit + 1) }
        guard count > 1, count <= limit, bytes[0] == 0x2F, bytes[count - 1] == 0x0A else { return nil }
        let path = bytes[..<(count - 1)]
        guard path.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        return String(decoding: path, as: UTF8.self)
    }

    /// The id in the name of such a live file.
    static func id(of path: String) -> (UInt64, UInt64)? {
        let name = Array(path.utf8.reversed().prefix { $0 != 0x2F }.reversed())
        let (first, last) = (Array(prefix.utf8), Array(suffix.utf8))
        guard name.count == first.count + 32 + last.count, name.starts(with: first), name.suffix(last.count).elementsEqual(last)
        else { return nil }
        var words: [UInt64] = [0, 0]
        for index in 0..<32 {
            let digit: UInt8
            switch name[first.count + index] {
            case let byte where byte >= 0x30 && byte <= 0x39: digit = byte - 0x30
            case let byte where byte >= 0x61 && byte <= 0x66: digit = byte - 0x61 + 10
            default: return nil
            }
            words[index / 16] = words[index / 16] << 4 | UInt64(digit)
        }
        return words[0] == 0 && words[1] == 0 ? nil : (words[0], words[1])
    }

    private static func digits(_ word: UInt64) -> String {
        var bytes: [UInt8] = []
        for index in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * index)) & 0xF
            bytes.append(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private var pointer: String { DataFile.livePath.path(in: directory) }

    /// Writes the pointer under a temporary name.
    /// - Returns: its descriptor, which is the caller's; -1 if this place needs none.
    /// - Throws: `MemoryError`.
    func writePointer() throws(MemoryError) -> Int32 {
        guard isElsewhere else { return -1 }
        let temporary = pointer + ".new"
        _ = unlink(temporary)
        let descriptor = qpcm_open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw MemoryError(operation: "make", path: temporary, code: qpcm_errno()) }
        _ = fchmod(descriptor, 0o640)  // whatever the umask
        let line = Array((path + "\n").utf8)
        let count = line.withUnsafeBytes { write(descriptor, $0.baseAddress, line.count) }
        guard count == line.count, fsync(descriptor) == 0 else {
            let code = count < 0 || count == line.count ? qpcm_errno() : ENOSPC
            _ = close(descriptor)
            _ = unlink(temporary)
            throw MemoryError(operation: "write", path: temporary, code: code)
        }
        return descriptor
    }

    /// Makes the data directory say that the live file is here, in one step.
    /// - Throws: `MemoryError`.
    func publish() throws(MemoryError) {
        guard rename(pointer + ".new", pointer) == 0 else {
            throw MemoryError(operation: "rename \(pointer).new to", path: pointer, code: qpcm_errno())
        }
    }

    /// Removes what another place of this directory left: its file, and the pointer if the live file is in the directory itself.
    /// Call while holding the directory, when this place is the one that counts.
    func removeOthers(_ before: LivePlace) {
        _ = unlink(isElsewhere ? DataFile.live.path(in: directory) : pointer)
        guard before.isElsewhere else { return }
        // Only a file that is this directory's: after a copy of the directory, the original's server may be using it.
        if (try? LiveFileReader(before)) != nil { _ = unlink(before.path) }
    }

    /// The live file is gone, and what it held is accounted for: the directory no longer says where it was.
    public func forget() { if isElsewhere { _ = unlink(pointer) } }

    // MARK: The file

    /// Writes into a new file's header which data directory it belongs to.
    func mark(_ base: UnsafeMutableRawPointer) throws(MemoryError) {
        guard let id else { return }
        var status = stat()
        guard qpcm_stat(directory, &status) == 0 else {
            throw MemoryError(operation: "look at", path: directory, code: qpcm_errno())
        }
        base.storeBytes(of: id.0, toByteOffset: QPCM_HEADER_HOME_ID, as: UInt64.self)
        base.storeBytes(of: id.1, toByteOffset: QPCM_HEADER_HOME_ID + 8, as: UInt64.self)
        base.storeBytes(of: UInt64(status.st_dev), toByteOffset: QPCM_HEADER_HOME_ID + 16, as: UInt64.self)
        base.storeBytes(of: UInt64(status.st_ino), toByteOffset: QPCM_HEADER_HOME_ID + 24, as: UInt64.self)
    }

    /// - Parameter owner: the file's.
    /// - Throws: `MemoryError` with ENOENT if the file at this place is not this directory's.
    func expectOwn(_ base: UnsafeMutableRawPointer, owner: UInt32) throws(MemoryError) {
        guard let id else { return }
        func word(_ index: Int) -> UInt64 { base.load(fromByteOffset: QPCM_HEADER_HOME_ID + 8 * index, as: UInt64.self) }
        var status = stat()
        let header = UnsafeRawPointer(base).assumingMemoryBound(to: qpcm_header.self)
        let isOfThisBoot = withUnsafeBytes(of: header.pointee.boot_id) { BootID.canBeCurrent($0) }
        guard qpcm_stat(directory, &status) == 0, word(0) == id.0, word(1) == id.1, word(2) == UInt64(status.st_dev),
            word(3) == UInt64(status.st_ino), isOfThisBoot, owner == status.st_uid || owner == 0
        else {
            throw MemoryError(
                operation: "use", path: path, code: ENOENT, detail: "it is of another data directory, or of another boot")
        }
    }
}
