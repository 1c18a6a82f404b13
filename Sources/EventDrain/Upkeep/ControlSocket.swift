import CMachine
import CMetricsLayout
import EventLog
import MetricsModel
import Pseudonyms

/// Where the plugin is asked to remove something, or for a pseudonym: `control.sock` in the data directory. The plugin's thread
/// checks it between flushes, and answers one client at a time. control_message.h shows the layout of the messages.
public final class ControlSocket {
    /// A client that does not send at once is ignored: the thread has rings to drain.
    private static let patienceMilliseconds: Int32 = 20

    private let path: String
    /// -1 once closed, or if there is none.
    private var listener: Int32
    private var asker: Int32 = -1
    /// The asking process, and its user.
    private(set) var askingProcess: Int32 = 0
    private(set) var askingUser: UInt32 = 0

    /// Without a socket the plugin still works, but cannot be asked.
    init(directory: String) {
        path = DataFile.control.path(in: directory)
        listener = qpcm_control_listen(path)
    }

    deinit { close() }

    /// At the end, and in a forked child, where the name remains the parent's.
    func close(removingName: Bool = true) {
        hangUp()
        guard listener >= 0 else { return }
        if removingName { _ = unlink(path) }
        _ = CMachine.close(listener)
        // The server may soon reuse the number for a descriptor of its own.
        listener = -1
    }

    /// What a client asks for now; nil if none does, or if whoever asked has gone: nobody must find later that something was
    /// removed of which the command had said that it failed.
    ///
    /// - Parameter writer: nil while no log is open.
    /// - Parameter obstacle: why nothing can be removed now; every such request is then refused.
    func request(_ writer: EventLogWriter?, obstacle: String? = nil) -> MaintenanceJob.Order? {
        guard listener >= 0, asker < 0 else { return nil }
        asker = qpcm_control_accept(listener, Self.patienceMilliseconds, &askingProcess, &askingUser)
        guard asker >= 0 else { return nil }
        var request = qpcm_control_request()
        let size = MemoryLayout<qpcm_control_request>.size
        let received = withUnsafeMutableBytes(of: &request) { qpcm_receive(asker, $0.baseAddress, size) }
        defer { withUnsafeMutableBytes(of: &request) { _ = memset($0.baseAddress.unsafelyUnwrapped, 0, size) } }
        guard received == size, request.magic == QPCM_CONTROL_MAGIC, request.version == QPCM_CONTROL_VERSION else {
            refuse("the plugin, version \(Version.current), does not understand the request; use that version of qpc-metrics")
            return nil
        }
        let count = Int(min(request.name_bytes, UInt32(QPCM_CONTROL_NAME_BYTES)))
        var name = withUnsafeBytes(of: request.name) { [UInt8]($0.prefix(count)) }
        if Int(request.action) == QPCM_CONTROL_PSEUDONYM {
            tellPseudonym(of: &name, writer)
            return nil
        }
        if let obstacle {
            refuse(obstacle)
            return nil
        }
        guard let writer, let order = Self.order(request, name, writer) else {
            refuse("unknown request")
            return nil
        }
        // The client knows from now on that the work has begun. If it no longer listens, this fails.
        answer(Int(QPCM_CONTROL_WORKING), MaintenanceJob.Outcome())
        return asker >= 0 ? order : nil
    }

    /// The pseudonym of the epoch under way, whose key a command cannot read where keys are sealed to an operator's.
    private func tellPseudonym(of name: inout [UInt8], _ writer: EventLogWriter?) {
        guard let key = writer?.keys?.newest.key else { return refuse("the server has no key of pseudonyms") }
        let pseudonym = key.pseudonym(of: name)
        name.withUnsafeMutableBytes { bytes in if let start = bytes.baseAddress { _ = memset(start, 0, bytes.count) } }
        answer(
            Int(QPCM_CONTROL_DONE), MaintenanceJob.Outcome(),
            message: String(decoding: pseudonym.withUnsafeBytes { Hexadecimal.encode($0) }, as: UTF8.self))
    }

    private static func order(
        _ request: qpcm_control_request, _ name: [UInt8], _ writer: EventLogWriter
    ) -> MaintenanceJob.Order? {
        switch Int(request.action) {
        case QPCM_CONTROL_PRUNE:
            return .prune(before: request.before_us, maxBytes: request.max_bytes < 0 ? nil : request.max_bytes)
        case QPCM_CONTROL_FORGET_USER:
            return .forget(users: writer.storedForms(of: name, isText: true), identities: [], text: name)
        case QPCM_CONTROL_FORGET_IDENTITY:
            return .forget(users: [], identities: writer.storedForms(of: name, isText: false), text: nil)
        case QPCM_CONTROL_REBUILD: return .rebuild
        default: return nil
        }
    }

    func answer(_ status: Int, _ outcome: MaintenanceJob.Outcome, message: String = "") {
        guard asker >= 0 else { return }
        var answer = qpcm_control_answer()
        answer.magic = QPCM_CONTROL_MAGIC
        answer.status = UInt32(status)
        withUnsafeMutableBytes(of: &answer.removed) { removed in
            for (index, count) in outcome.removed.enumerated() {
                removed.storeBytes(of: count, toByteOffset: 8 * index, as: UInt64.self)
            }
        }
        answer.users = UInt32(clamping: outcome.users)
        answer.identities = UInt32(clamping: outcome.identities)
        answer.names = UInt32(clamping: outcome.names)
        answer.segments = UInt32(clamping: outcome.segments)
        answer.bytes_before = outcome.bytesBefore
        answer.bytes_after = outcome.bytesAfter
        let text = Array(message.utf8.prefix(Int(QPCM_CONTROL_MESSAGE_BYTES) - 1))
        withUnsafeMutableBytes(of: &answer.message) { $0.copyBytes(from: text) }
        let sent = withUnsafeBytes(of: &answer) { qpcm_send(asker, $0.baseAddress, $0.count) }
        if sent < 0 || status != Int(QPCM_CONTROL_WORKING) { hangUp() }
    }

    private func refuse(_ why: String) { answer(Int(QPCM_CONTROL_FAILED), MaintenanceJob.Outcome(), message: why) }

    private func hangUp() {
        if asker >= 0 { _ = CMachine.close(asker) }
        asker = -1
    }
}
