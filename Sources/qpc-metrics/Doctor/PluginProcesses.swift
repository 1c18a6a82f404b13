import CMachine
import Doctor
import Glibc

/// The processes that have loaded the plugin's library. Checked when no plugin is up in this directory: one may be using another.
struct PluginProcesses {
    struct Process {
        var pid: Int32
        /// The value at the start of the process; nil if it was not set, or may not be read.
        var directory: String?
    }

    private static let library = "libMetricsPlugin.so"
    private static let variable = DirectoryOptions.variable + "="
    /// The maps of a process with thousands of threads take a megabyte.
    private static let largestFile = 16 << 20

    private(set) var found: [Process] = []
    /// Whether there are processes that this user may not inspect.
    private(set) var isPartial = false

    init() {
        guard let listing = opendir("/proc") else {
            isPartial = true
            return
        }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = Int32(name), pid != getpid() else { continue }
            guard let maps = Self.read("/proc/\(pid)/maps") else {
                isPartial = isPartial || errno == EACCES || errno == EPERM
                continue
            }
            guard maps.firstRange(of: Array(Self.library.utf8)) != nil else { continue }
            let variables = Self.read("/proc/\(pid)/environ")?.split(separator: 0) ?? []
            let setting = variables.first { $0.starts(with: Self.variable.utf8) }
            found.append(
                Process(
                    pid: pid,
                    directory: setting.map { String(decoding: $0.dropFirst(Self.variable.utf8.count), as: UTF8.self) }))
        }
        found.sort { $0.pid < $1.pid }
    }

    /// - Parameter directory: the data directory, in which no plugin is up.
    func check(_ directory: String) -> Check {
        let name = "plugin loaded"
        if let here = found.first(where: { $0.directory == directory || $0.directory == Environment.absolute(directory) }) {
            return .warning(
                name, "process \(here.pid) has the plugin loaded for this directory, but it is not up",
                fix: "see that server's standard error, which says why the plugin refused to start or was shut down")
        }
        guard let first = found.first else {
            if isPartial {
                return .notChecked(
                    name, "some processes cannot be inspected, and none of the others has \(Self.library) loaded",
                    fix: "run as root or as the server's user")
            }
            return .failure(
                name, "no process has \(Self.library) loaded",
                fix:
                    "put it in the server's --plugin-dir, and restart the server; its standard error names a plugin that fails")
        }
        let place =
            first.directory.map { "with \(Self.variable)\($0)" } ?? "without \(DirectoryOptions.variable) that could be read"
        let more = found.count > 1 ? "; and \(found.count - 1) more" : ""
        return .warning(
            name, "process \(first.pid) has the plugin loaded, \(place)\(more)",
            fix: first.directory.map {
                "qpc-metrics doctor --dir \(Shell.word($0)), or set the server's \(DirectoryOptions.variable)"
            }
                ?? "set \(DirectoryOptions.variable) for the server, and restart it; its standard error says if that fails"
        )
    }

    /// Nil, with `errno` set, if it cannot be read.
    private static func read(_ path: String) -> [UInt8]? {
        let descriptor = qpcm_open(path, O_RDONLY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return nil }
        defer {
            let code = errno
            close(descriptor)
            errno = code
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < largestFile {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }
}
