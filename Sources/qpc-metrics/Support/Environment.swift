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

    /// UTC, microseconds since 1970.
    static var nowMicroseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
