import Foundation
import TestSupport

/// One of Debian's Prometheus-family servers, on a free port of this machine; it ends with its owner.
final class Daemon {
    let port: UInt16
    let child: ChildProcess
    private let errorFile: String

    /// - Parameter arguments: the arguments with which it listens on this port.
    /// - Parameter readyPath: answers 200 once the server is ready.
    init(_ program: String, readyPath: String, errorFile: String, _ arguments: (UInt16) -> [String]) throws {
        self.errorFile = errorFile
        // Another program may take the port between the check and the start.
        for _ in 0..<5 {
            let port = try LoopbackHTTP.freePort()
            try overwrite(errorFile, with: [])
            let child = try ChildProcess([program] + arguments(port), errorFile: errorFile)
            var isReady = false
            try eventually("\(program) answers") {
                isReady = (try? LoopbackHTTP.get(port, readyPath).status) == 200
                return isReady || kill(child.pid, 0) != 0 || Self.hasEnded(child.pid)
            }
            if isReady {
                self.port = port
                self.child = child
                return
            }
        }
        throw TestFailure("\(program) does not start: \(try String(decoding: read(errorFile), as: UTF8.self))")
    }

    /// What it printed, for a failure's message.
    var said: String { (try? String(decoding: read(errorFile), as: UTF8.self)) ?? "" }

    /// Whether a child has exited and only waits to be reaped.
    private static func hasEnded(_ pid: pid_t) -> Bool {
        let text = (try? String(decoding: read("/proc/\(pid)/stat"), as: UTF8.self)) ?? ") Z"
        return text.contains(") Z")
    }

    /// Whether a program is installed; if not, reports what is skipped without it.
    static func isInstalled(_ program: String, for what: String) throws -> Bool {
        if try shell("command -v \(program)").status == 0 { return true }
        skip(what, because: "\(program) is not installed")
        return false
    }
}
