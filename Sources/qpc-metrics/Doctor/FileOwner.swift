import CMachine
import Glibc

/// A file's owner and permissions.
struct FileOwner {
    var uid: uid_t
    var gid: gid_t
    /// The permission bits.
    var mode: UInt32
    var isDirectory: Bool

    enum Outcome {
        case success(FileOwner)
        /// The system's error number.
        case failure(Int32)
    }

    /// Of the file that a path leads to, through symbolic links.
    static func of(_ path: String) -> Outcome {
        var status = stat()
        guard qpcm_stat(path, &status) == 0 else { return .failure(qpcm_errno()) }
        return .success(
            FileOwner(
                uid: status.st_uid, gid: status.st_gid, mode: UInt32(status.st_mode) & 0o7777,
                isDirectory: qpcm_is_directory(&status) != 0))
    }

    /// The name, or the number if there is none, for example in a container.
    var user: String { getpwuid(uid).map { String(cString: $0.pointee.pw_name) } ?? "\(uid)" }
    var group: String { getgrgid(gid).map { String(cString: $0.pointee.gr_name) } ?? "\(gid)" }
    var words: String { "\(user):\(group)" }
}

/// What users can do when they lack permission to read something.
enum Reader {
    static func remedy(_ owner: FileOwner) -> String {
        let users = owner.uid == 0 ? "run as root" : "run as root or as \(owner.user)"
        guard owner.mode & 0o050 == 0o050, owner.gid != 0 else { return users }
        return users + ", or join the group: usermod -aG \(owner.group) USER"
    }

    /// The same, for the owner of the data directory.
    static func remedy(_ directory: String) -> String {
        if case .success(let owner) = FileOwner.of(directory) { return remedy(owner) }
        return "run as root or as the server's user"
    }
}

/// Quoting for command lines.
enum Shell {
    /// A path, quoted so that a shell takes it as one word.
    static func word(_ path: String) -> String {
        let plain = { (byte: UInt8) in
            byte > 0x20 && byte < 0x7F && !"'\"\\$`&|;<>()*?[]{}!#~".utf8.contains(byte)
        }
        if !path.isEmpty, path.utf8.allSatisfy(plain) { return path }
        return "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
