import MetricsModel
import Terminal

/// What the data directory is on: a file system that SQLite and mapped memory can use, with room to grow.
public struct StorageCheck: Sendable {
    /// The magic number of statfs(2).
    public var kind: UInt64
    public var freeBytes: UInt64
    /// 0 if the file system creates inodes as needed.
    public var inodes: UInt64
    public var freeInodes: UInt64
    public var logBytes: UInt64
    /// Of the plugin's last run; nil if it never ran.
    public var settings: Settings?
    /// The data directory, quoted for a command line.
    public var directory: String

    public init(
        kind: UInt64, freeBytes: UInt64, inodes: UInt64, freeInodes: UInt64, logBytes: UInt64, settings: Settings?,
        directory: String
    ) {
        self.kind = kind
        self.freeBytes = freeBytes
        self.inodes = inodes
        self.freeInodes = freeInodes
        self.logBytes = logBytes
        self.settings = settings
        self.directory = directory
    }

    public var checks: [Check] { [fileSystem, space, room] }

    // MARK: Which file system

    private enum Kind {
        case local
        case network
        case memory
        /// A container's own layer.
        case layer
        /// Served by a program, from wherever.
        case program
    }

    /// Magic numbers from statfs(2) and the kernel's linux/magic.h.
    private static let kinds: [UInt64: (name: String, kind: Kind)] = [
        0xEF53: ("ext4", .local), 0x5846_5342: ("xfs", .local), 0x9123_683E: ("btrfs", .local), 0x2FC1_2FC1: ("zfs", .local),
        0xF2F5_2010: ("f2fs", .local), 0xCA45_1A4E: ("bcachefs", .local), 0x3153_464A: ("jfs", .local),
        0x5265_4973: ("reiserfs", .local), 0x3434: ("nilfs2", .local),
        0x6969: ("nfs", .network), 0x517B: ("smb", .network), 0xFF53_4D42: ("cifs", .network), 0xFE53_4D42: ("smb2", .network),
        0x00C3_6400: ("ceph", .network), 0x5346_414F: ("afs", .network), 0x6B41_4653: ("afs", .network),
        0x0102_1997: ("9p", .network), 0x7375_7245: ("coda", .network), 0x0BD0_0BD0: ("lustre", .network),
        0x4750_4653: ("gpfs", .network), 0x0116_1970: ("gfs2", .network), 0x7461_636F: ("ocfs2", .network),
        0x786F_4256: ("vboxsf", .network),
        0x0102_1994: ("tmpfs", .memory), 0x8584_58F6: ("ramfs", .memory),
        0x794C_7630: ("overlay", .layer), 0x6573_5546: ("fuse", .program),
    ]

    private var fileSystem: Check {
        let name = "file system"
        let move = "set QPC_METRICS_PLUGIN_DIR to a directory on a local disk (ext4 or xfs, for example)"
        guard let (word, kind) = Self.kinds[kind] else {
            return .notChecked(name, "unknown type 0x\(String(self.kind, radix: 16))", fix: move)
        }
        switch kind {
        case .local: return .ok(name, word)
        case .network:
            return .failure(
                name, "\(word) is a network file system: a log in WAL mode and mapped memory need a local one", fix: move)
        case .memory: return .warning(name, "\(word) is in memory: log and counters are lost on reboot", fix: move)
        case .layer:
            return .warning(
                name, "\(word) is a container's own layer: log and counters are lost with it", fix: "mount a volume there")
        case .program:
            return .warning(name, "\(word): cannot tell whether it supports locks and shared mapped memory", fix: move)
        }
    }

    // MARK: Free space

    /// Less than this does not hold a WAL and a few rings.
    private static let leastBytes: UInt64 = 128 << 20
    private static let leastInodes: UInt64 = 16
    private static let fewInodes: UInt64 = 1000

    private var space: Check {
        let name = "disk space"
        let free = "\(Quantity.bytes(freeBytes)) free"
        let remedy = "make room, or lower QPC_METRICS_PLUGIN_MAX_SIZE"
        if freeBytes < Self.leastBytes {
            return .failure(name, "\(free): on a full disk, events wait in the rings and are then dropped", fix: remedy)
        }
        guard let settings else { return .ok(name, free) }
        guard let cap = settings.maxLogBytes else {
            return .warning(
                name, "\(free), and the log may take all of it", fix: "set QPC_METRICS_PLUGIN_MAX_SIZE, such as 4GiB")
        }
        let growth = cap - min(cap, logBytes) + UInt64(WALLimits.cap(maxLogBytes: cap))
        let words = "\(free); log and WAL may take another \(Quantity.bytes(growth)) (MAX_SIZE=\(Quantity.bytes(cap)))"
        return freeBytes < growth ? .warning(name, words, fix: remedy) : .ok(name, words)
    }

    private var room: Check {
        let name = "inodes"
        if inodes == 0 { return .ok(name, "allocated as needed") }
        let found = "\(Quantity.grouped(freeInodes)) of \(Quantity.grouped(inodes)) free"
        let remedy = "remove files; df -i \(directory) counts them"
        if freeInodes < Self.leastInodes { return .failure(name, found, fix: remedy) }
        return freeInodes < Self.fewInodes ? .warning(name, found, fix: remedy) : .ok(name, found)
    }
}
