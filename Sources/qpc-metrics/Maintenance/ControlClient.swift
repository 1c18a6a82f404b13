import CMachine
import CMetricsLayout
import EventDrain
import MetricsModel

/// Asks a running plugin for maintenance, or for a pseudonym, over the socket in its data directory.
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
        /// It did not answer in time; it had begun, or it will not begin any more.
        case silent(hasBegun: Bool)
        /// It closed the connection; it had begun, or it does not take requests from this user, or is shutting down.
        case closed(hasBegun: Bool)
        /// It refused or failed; with its message, and what it had done by then.
        case refused(String, MaintenanceJob.Outcome)
    }

    /// - Parameter progress: called with what has been done so far.
    public static func ask(
        _ request: Request, directory: String, progress: (MaintenanceJob.Outcome) -> Void
    ) throws(Problem) -> MaintenanceJob.Outcome {
        outcome(try answer(to: message(request), directory, patienceMilliseconds) { progress(outcome($0)) })
    }

    /// The pseudonym of a user's name, a key or a channel in the epoch under way, in hexadecimal. A plugin that is busy removing
    /// something answers nobody else, so this does not wait long.
    public static func pseudonym(of bytes: [UInt8], directory: String) throws(Problem) -> String {
        text(try answer(to: message(QPCM_CONTROL_PSEUDONYM, bytes), directory, 2000) { _ in })
    }

    /// The last answer.
    private static func answer(
        to message: qpcm_control_request, _ directory: String, _ patience: Int32, progress: (qpcm_control_answer) -> Void
    ) throws(Problem) -> qpcm_control_answer {
        let socket = qpcm_control_connect(DataFile.control.path(in: directory), patience)
        guard socket >= 0 else { throw .unreachable(qpcm_errno()) }
        defer { _ = close(socket) }
        var message = message
        let sent = withUnsafeBytes(of: &message) { qpcm_send(socket, $0.baseAddress, $0.count) }
        guard sent == MemoryLayout<qpcm_control_request>.size else { throw .closed(hasBegun: false) }
        var hasBegun = false
        while true {
            var answer = qpcm_control_answer()
            let size = MemoryLayout<qpcm_control_answer>.size
            let received = withUnsafeMutableBytes(of: &answer) { qpcm_receive(socket, $0.baseAddress, size) }
            if received < 0 { throw .silent(hasBegun: hasBegun) }
            guard received == size, answer.magic == QPCM_CONTROL_MAGIC else { throw .closed(hasBegun: hasBegun) }
            switch Int(answer.status) {
            case QPCM_CONTROL_WORKING:
                hasBegun = true
                progress(answer)
            case QPCM_CONTROL_DONE: return answer
            default: throw .refused(text(answer), outcome(answer))
            }
        }
    }

    private static func text(_ answer: qpcm_control_answer) -> String {
        withUnsafeBytes(of: answer.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private static func message(_ request: Request) -> qpcm_control_request {
        switch request {
        case .prune(let before, let maxBytes): message(QPCM_CONTROL_PRUNE, [], before: before, maxBytes: maxBytes)
        case .forgetUser(let name): message(QPCM_CONTROL_FORGET_USER, name)
        case .forgetIdentity(let key): message(QPCM_CONTROL_FORGET_IDENTITY, key)
        case .rebuild: message(QPCM_CONTROL_REBUILD, [])
        }
    }

    private static func message(
        _ action: Int, _ name: [UInt8], before: Int64 = .min, maxBytes: Int64? = nil
    ) -> qpcm_control_request {
        var message = qpcm_control_request()
        message.magic = QPCM_CONTROL_MAGIC
        message.version = QPCM_CONTROL_VERSION
        message.action = UInt32(action)
        message.before_us = before
        message.max_bytes = maxBytes ?? -1
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
