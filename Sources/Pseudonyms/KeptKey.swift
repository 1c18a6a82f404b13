import CMachine
import MetricsModel

/// The key of the epoch under way, where memory outlives the process: in the directory of `QPC_METRICS_PLUGIN_LIVE_DIR`, if that
/// is a tmpfs. A server whose keys are sealed to an operator's then goes on under the same key after a restart. It goes with the
/// power, and never reaches a disk, unless the machine swaps.
///
/// `identity-` and the 32 digits of the key's fingerprint, `.key`: the key's 32 bytes, mode 0600. A file of another key, of
/// another user, or that others may read, is as good as missing.
public struct KeptKey: Sendable {
    public let directory: String

    /// - Parameter directory: absolute.
    /// - Returns: nil unless it is on a file system that is memory alone.
    public init?(in directory: String) {
        guard qpcm_is_in_memory(directory) != 0 else { return nil }
        self.directory = directory
    }

    /// The same for the directory that a live file is in.
    ///
    /// - Parameter liveFile: its absolute path; nil if it is in the data directory itself, where no key is kept.
    public init?(beside liveFile: String?) {
        guard let liveFile else { return nil }
        let path = Array(liveFile.utf8)
        guard let slash = path.lastIndex(of: 0x2F) else { return nil }
        self.init(in: String(decoding: path[..<slash], as: UTF8.self))
    }

    public func isSame(as other: KeptKey?) -> Bool {
        guard let other else { return false }
        return directory.utf8.elementsEqual(other.directory.utf8)
    }

    private func path(_ fingerprint: [UInt8]) -> String {
        let digits = fingerprint.withUnsafeBytes { Hexadecimal.encode($0) }
        return directory + "/identity-" + String(decoding: digits, as: UTF8.self) + ".key"
    }

    /// Nil if it is not there.
    func read(_ fingerprint: [UInt8]) -> IdentityKey? {
        let descriptor = qpcm_open(path(fingerprint), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var status = stat()
        guard qpcm_fstat(descriptor, &status) == 0, qpcm_is_regular(&status) != 0, status.st_mode & 0o077 == 0,
            status.st_size == IdentityKey.byteCount
        else { return nil }
        let bytes = SecretBytes(count: IdentityKey.byteCount)
        guard CMachine.read(descriptor, bytes.start, bytes.count) == bytes.count else { return nil }
        let key = IdentityKey(bytes.bytes)
        return key.fingerprint == fingerprint ? key : nil
    }

    /// If this fails, the next start begins an epoch, as it would without a tmpfs.
    func write(_ key: SecretBytes, _ fingerprint: [UInt8]) {
        let path = path(fingerprint)
        _ = unlink(path)
        let descriptor = qpcm_open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        _ = fchmod(descriptor, 0o600)  // whatever the umask
        // A command that root runs must not keep the server out of its own key.
        qpcm_give_to_owner(descriptor, directory)
        let isWritten = CMachine.write(descriptor, key.start, key.count) == key.count
        _ = close(descriptor)
        if !isWritten { _ = unlink(path) }
    }

    func remove(_ fingerprint: [UInt8]) { _ = unlink(path(fingerprint)) }
}
