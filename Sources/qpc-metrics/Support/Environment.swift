import Glibc

/// The process's environment and clock.
enum Environment {
    static func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The absolute path; the path itself if the working directory is not known.
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { here in
            getcwd(here.baseAddress, here.count).map { String(cString: $0) + "/" + path } ?? path
        }
    }

    /// The name of a process's program; nil if the kernel does not say.
    static func commandName(of process: Int32) -> String? {
        guard let file = fopen("/proc/\(process)/comm", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 64)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        return String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// UTC, microseconds since 1970.
    static var nowMicroseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
