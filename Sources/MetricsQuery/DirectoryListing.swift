import CMachine
import MetricsMemory
import MetricsModel

/// The files of a data directory: their sizes, permissions and content.
public struct DirectoryListing: Sendable {
    public enum Content: Equatable, Sendable {
        case file(DataFile)
        /// Quarantined: found damaged, or left behind by a log that was deleted or replaced.
        case quarantined
        /// Left by a process that died, or not one of the plugin's files.
        case other
    }

    public struct File: Sendable {
        /// A path for a live file that is elsewhere.
        public var name: String
        public var bytes: UInt64
        /// The permission bits.
        public var mode: UInt32
        public var content: Content
    }

    /// By name.
    public var files: [File] = []
    public var mode: UInt32 = 0

    public init(_ directory: String) {
        var status = stat()
        if qpcm_lstat(directory + "/.", &status) == 0 { mode = UInt32(status.st_mode) & 0o7777 }
        guard let listing = opendir(directory) else { return }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != "..", qpcm_lstat(directory + "/" + name, &status) == 0 else { continue }
            files.append(
                File(
                    name: name, bytes: UInt64(clamping: status.st_size), mode: UInt32(status.st_mode) & 0o7777,
                    content: Self.content(name)))
        }
        let place = LivePlace.find(in: directory)
        if place.isElsewhere, qpcm_lstat(place.path, &status) == 0, files.allSatisfy({ $0.content != .file(.live) }) {
            files.append(
                File(
                    name: place.path, bytes: UInt64(clamping: status.st_size), mode: UInt32(status.st_mode) & 0o7777,
                    content: .file(.live)))
        }
        files.sort { $0.name < $1.name }
    }

    private static func content(_ name: String) -> Content {
        for file in DataFile.allCases {
            if name == file.name { return .file(file) }
            if Quarantine.allCases.contains(where: { name.hasPrefix(file.name + $0.mark) }) { return .quarantined }
        }
        return .other
    }
}
