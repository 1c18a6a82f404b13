import CMachine
import CMetricsLayout
import EventDrain
import MetricsModel

/// Sends a running plugin a maintenance request, over the socket in its data directory.
public enum ControlClient {
    /// The plugin sends progress every second while it works.
    private static let patienceMilliseconds: Int32 = 15_000

    public enum Request: Sendable {
        /// Removes events before a time, in µs since 1970, and then the oldest until the log has at most this many bytes.
        case prune(before: Int64, maxBytes: Int64?)
        case forgetUser([UInt8])
        case forgetIdentity([UInt8])
        /// Rebuilds indexes and statistics from the rows.
        case rebuild
    }

    public enum Problem: Error {
        /// Nothing listens, or this user has no permission; with the errno.
        case unreachable(Int32)
        /// It closed the connection or did not answer in time.
        case silent
        /// It refused or failed; with its message, and what it had done by then.
        case refused(String, MaintenanceJob.Outcome)
    }

    /// - Parameter progress: called with what has been done so far.
    public static func ask(
        _ request: Request, directory: String, progress: (MaintenanceJob.Outcome) -> Void
    ) throws(Problem) -> MaintenanceJob.Outcome {
        let socket = qpcm_control_connect(DataFile.control.path(in: directory), patienceMilliseconds)
        guard socket >= 0 else { throw .unreachable(qpcm_errno()) }
        defer { _ = close(socket) }
        var message = message(request)
        let sent = withUnsafeBytes(of: &message) { qpcm_send(socket, $0.baseAddress, $0.count) }
        guard sent == MemoryLayout<qpcm_control_request>.size else { throw .silent }
        while true {
            var answer = qpcm_control_answer()
            let size = MemoryLayout<qpcm_control_answer>.size
            let received = withUnsafeMutableBytes(of: &answer) { qpcm_receive(socket, $0.baseAddress, size) }
            guard received == size, answer.magic == QPCM_CONTROL_MAGIC else { throw .silent }
            switch Int(answer.status) {
            case QPCM_CONTROL_WORKING: progress(outcome(answer))
            case QPCM_CONTROL_DONE: return outcome(answer)
            default:
                let text = withUnsafeBytes(of: answer.message) { $0.prefix { $0 != 0 } }
                throw .refused(String(decoding: text, as: UTF8.self), outcome(answer))
            }
        }
    }

    private static func message(_ request: Request) -> qpcm_control_request {
        var message = qpcm_control_request()
        message.magic = QPCM_CONTROL_MAGIC
        message.version = QPCM_CONTROL_VERSION
        message.before_us = Int64.min
        message.max_bytes = -1
        var name: [UInt8] = []
        switch request {
        case .prune(let before, let maxBytes):
            message.action = UInt32(QPCM_CONTROL_PRUNE)
            message.before_us = before
            message.max_bytes = maxBytes ?? -1
        case .forgetUser(let bytes):
            message.action = UInt32(QPCM_CONTROL_FORGET_USER)
            name = bytes
        case .forgetIdentity(let bytes):
            message.action = UInt32(QPCM_CONTROL_FORGET_IDENTITY)
            name = bytes
        case .rebuild: message.action = UInt32(QPCM_CONTROL_REBUILD)
        }
        message.name_bytes = UInt32(name.count)
        withUnsafeMutableBytes(of: &message.name) { $0.copyBytes(from: name.prefix($0.count)) }
        return message
    }

    private static func outcome(_ answer: qpcm_control_answer) -> MaintenanceJob.Outcome {
        var outcome = MaintenanceJob.Outcome()
        withUnsafeBytes(of: answer.removed) { removed in
            for index in outcome.removed.indices {
                outcome.removed[index] = removed.load(fromByteOffset: 8 * index, as: UInt64.self)
            }
        }
        outcome.users = Int(answer.users)
        outcome.identities = Int(answer.identities)
        outcome.names = Int(answer.names)
        outcome.segments = Int(answer.segments)
        outcome.bytesBefore = answer.bytes_before
        outcome.bytesAfter = answer.bytes_after
        return outcome
    }
}
