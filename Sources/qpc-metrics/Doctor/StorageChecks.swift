import CMachine
import Doctor
import MetricsModel
import MetricsQuery
import Terminal

/// What the data directory lies on: a file system that SQLite and mapped memory can use, with room to grow.
struct StorageChecks {
    let directory: String
    /// Of the plugin's last run; nil if none ran.
    let settings: Settings?

    func run() -> [Check] {
        var room = qpcm_file_system()
        guard qpcm_look_at_file_system(directory, &room) == 0 else {
            let cause = String(cString: strerror(qpcm_errno()))
            return [.notChecked("file system", "cannot ask about \(directory): \(cause)", mend: Reader.remedy(directory))]
        }
        return [kind(room.kind), space(room), inodes(room)]
    }

    // MARK: Which file system

    private enum Kind {
        case local
        case network
        case memory
        /// A container's own layer.
        case layer
        /// A program serves it, from wherever.
        case program
    }

    /// Magic numbers of statfs(2) and the kernel's linux/magic.h.
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

    private func kind(_ magic: UInt64) -> Check {
        let name = "file system"
        guard let (word, kind) = Self.kinds[magic] else {
            return .notChecked(
                name, "an unknown one, 0x\(String(magic, radix: 16))",
                mend: "use a local one for the data directory, such as ext4 or xfs")
        }
        let move = "give QPC_METRICS_PLUGIN_DIR a directory on a local disk, such as one on ext4 or xfs"
        switch kind {
        case .local: return .ok(name, word)
        case .network:
            return .failure(
                name, "\(word) is shared with other machines: a log in WAL mode and mapped memory need a local one", mend: move)
        case .memory: return .warning(name, "\(word) is memory: log and counters end with the machine", mend: move)
        case .layer:
            return .warning(
                name, "\(word) is a container's own layer: log and counters end with it", mend: "mount a volume there")
        case .program:
            return .warning(name, "\(word): whether the program behind it keeps locks and mapped memory is not known", mend: move)
        }
    }

    // MARK: Room

    /// Less than this is less than a WAL and a ring.
    private static let leastBytes: UInt64 = 128 << 20

    private func space(_ room: qpcm_file_system) -> Check {
        let name = "disk space"
        let (free, isOver) = room.free_blocks.multipliedReportingOverflow(by: room.block_bytes)
        if isOver { return .ok(name, "more than can be counted") }
        let remedy = "make room, or lower QPC_METRICS_PLUGIN_MAX_SIZE"
        if free < Self.leastBytes { return .failure(name, "\(Quantity.bytes(free)) are free", mend: remedy) }
        guard let settings else { return .ok(name, "\(Quantity.bytes(free)) are free") }
        guard let cap = settings.maxLogBytes else {
            return .warning(
                name, "\(Quantity.bytes(free)) are free, and the log may take all of it",
                mend: "set QPC_METRICS_PLUGIN_MAX_SIZE, such as 4GiB")
        }
        var status = stat()
        let size = qpcm_lstat(DataFile.log.path(in: directory), &status) == 0 ? UInt64(clamping: status.st_size) : 0
        let growth = cap - min(cap, size) + UInt64(WALLimits.cap(maxLogBytes: cap))
        let words =
            "\(Quantity.bytes(free)) are free; log and WAL may grow by \(Quantity.bytes(growth)) to the cap of \(Quantity.bytes(cap))"
        return free < growth ? .warning(name, words, mend: remedy) : .ok(name, words)
    }

    private func inodes(_ room: qpcm_file_system) -> Check {
        let name = "inodes"
        if room.inodes == 0 { return .ok(name, "made as they are needed") }
        let found = "\(Quantity.grouped(room.free_inodes)) of \(Quantity.grouped(room.inodes)) are free"
        let remedy = "remove files: df -i \(Shell.word(directory))"
        if room.free_inodes < 16 { return .failure(name, found, mend: remedy) }
        return room.free_inodes < 1000 ? .warning(name, found, mend: remedy) : .ok(name, found)
    }
}
