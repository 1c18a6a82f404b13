import CMachine

/// Tells a file from another one that takes its name.
public struct FileIdentity: Equatable, Sendable {
    private let device: UInt64
    private let inode: UInt64

    public init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    /// Nil if nothing is there, or the system does not answer.
    public init?(at path: String) {
        var status = stat()
        guard qpcm_lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }
}
