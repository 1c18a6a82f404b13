import Foundation
import TestSupport

/// A server of the Prometheus family from Debian, on a free port of this machine; ended with its owner.
final class Daemon {
    let port: UInt16
    let child: ChildProcess
    private let errorFile: String

    /// - Parameter arguments: those of a start that listens on this port.
    /// - Parameter readyPath: answers 200 once it is ready.
    init(_ program: String, readyPath: String, errorFile: String, _ arguments: (UInt16) -> [String]) throws {
        self.errorFile = errorFile
        // Another program may take the port between the look at it and the start.
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

    /// What it said, for a failure's message.
    var said: String { (try? String(decoding: read(errorFile), as: UTF8.self)) ?? "" }

    /// Whether a child is only waited for.
    private static func hasEnded(_ pid: pid_t) -> Bool {
        let text = (try? String(decoding: read("/proc/\(pid)/stat"), as: UTF8.self)) ?? ") Z"
        return text.contains(") Z")
    }

    /// Whether a program is there; if not, says what is left out for want of it.
    static func isInstalled(_ program: String, for what: String) throws -> Bool {
        if try shell("command -v \(program)").status == 0 { return true }
        skip(what, because: "\(program) is not installed")
        return false
    }
}
