import Glibc

/// The sockets that systemd opened for this process: sd_listen_fds(3).
enum SystemdSockets {
    private static let firstDescriptor: Int32 = 3

    /// - Throws: `ExporterError.cannotListen` if there are none.
    static func take() throws(ExporterError) -> [Int32] {
        defer {
            // They are meant for this process alone.
            unsetenv("LISTEN_PID")
            unsetenv("LISTEN_FDS")
            unsetenv("LISTEN_FDNAMES")
        }
        guard let pid = number("LISTEN_PID"), pid == Int(getpid()), let count = number("LISTEN_FDS"), count > 0,
            count < 1024
        else {
            throw .cannotListen(
                "--web.systemd-socket: systemd passed no socket; start this service through its .socket unit")
        }
        var descriptors: [Int32] = []
        for descriptor in firstDescriptor..<firstDescriptor + Int32(count) {
            guard isListening(descriptor) else {
                throw .cannotListen("--web.systemd-socket: descriptor \(descriptor) is not a listening stream socket")
            }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            descriptors.append(descriptor)
        }
        return descriptors
    }

    private static func number(_ variable: String) -> Int? { getenv(variable).flatMap { Int(String(cString: $0)) } }

    private static func isListening(_ descriptor: Int32) -> Bool {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0
    }
}
