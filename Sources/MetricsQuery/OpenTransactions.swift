import CMachine
import MetricsModel

extension DataSource {
    /// A process that has a transaction open on the log; nil if there is none, or if the kernel does not say.
    ///
    /// Reads `/proc/locks` and so opens none of the log's files: closing one would drop this process's own locks on it.
    public func processWithOpenTransaction(otherThan own: [Int32]) -> Int32? {
        var status = stat()
        guard stat(logPath + "-shm", &status) == 0, let locks = fopen("/proc/locks", "re") else { return nil }
        defer { fclose(locks) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, locks) > 0 {
            guard let line else { break }
            // "1: POSIX  ADVISORY  READ 4242 fd:01:12345 123 123"
            let words = String(cString: line).split(whereSeparator: { $0 == " " || $0 == "\n" })
            guard words.count >= 8, let process = Int32(words[4]), !own.contains(process) else { continue }
            guard let inode = words[5].split(separator: ":").last.flatMap({ UInt64($0) }), inode == UInt64(status.st_ino),
                let first = Int64(words[6])
            else { continue }
            // SQLite's five read marks, https://www.sqlite.org/walformat.html: the locks on bytes 123 to 127.
            if (123...127).contains(first) { return process }
        }
        return nil
    }
}
