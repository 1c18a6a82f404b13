import CMachine
import Doctor
import MetricsModel

/// What the data directory is on.
enum StorageChecks {
    /// - Parameter settings: of the plugin's last run; nil if it never ran.
    static func run(_ directory: String, _ settings: Settings?) -> [Check] {
        var room = qpcm_file_system()
        guard qpcm_look_at_file_system(directory, &room) == 0 else {
            let cause = String(cString: strerror(qpcm_errno()))
            return [.notChecked("file system", "cannot determine that of \(directory): \(cause)", fix: Reader.remedy(directory))]
        }
        let (free, isOver) = room.free_blocks.multipliedReportingOverflow(by: room.block_bytes)
        var log = stat()
        let hasLog = qpcm_lstat(DataFile.log.path(in: directory), &log) == 0
        return StorageCheck(
            kind: room.kind, freeBytes: isOver ? .max : free, inodes: room.inodes, freeInodes: room.free_inodes,
            logBytes: hasLog ? UInt64(clamping: log.st_size) : 0, settings: settings, directory: Shell.word(directory)
        ).checks
    }
}
