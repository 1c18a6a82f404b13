import CPluginABI
import Glibc

/// Loads the plugin as the server does: `dlopen`, one symbol, a zeroed table.
final class PluginHost: DemoHooks, @unchecked Sendable {
    private let library: UnsafeMutableRawPointer
    private(set) var table = qpc_hook_vtable()

    init(path: String) throws {
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw Failure(Failure.somethingWrong, "cannot load the plugin: \(String(cString: dlerror()))")
        }
        self.library = library
        guard let symbol = dlsym(library, "qpc_plugin_init") else {
            throw Failure(Failure.somethingWrong, "\(path) is not a plugin: \(String(cString: dlerror()))")
        }
        typealias Initialize = @convention(c) (UnsafeMutablePointer<qpc_hook_vtable>?) -> Int32
        let code = unsafeBitCast(symbol, to: Initialize.self)(&table)
        guard code == 0 else {
            throw Failure(Failure.somethingWrong, "the plugin's init returned \(code)")
        }
    }

    func shutDown() {
        table.on_shutdown?(table.user_data)
        table.destroy?(table.user_data)
        dlclose(library)
    }

    // MARK: Hooks. The bytes that each passes live only for the call, as in the server.

    func message(_ message: DemoMessage) {
        _ = withEvent(message) { table.on_message_enqueue?(table.user_data, $0) }
    }

    func batch(_ messages: [DemoMessage]) {
        func collect(_ index: Int, _ events: inout [qpc_message_event]) {
            guard index < messages.count else {
                events.withUnsafeBufferPointer {
                    table.on_batch_enqueue?(table.user_data, $0.baseAddress, $0.count)
                }
                return
            }
            withEvent(messages[index]) {
                events.append($0.pointee)
                collect(index + 1, &events)
            }
        }
        var events: [qpc_message_event] = []
        collect(0, &events)
    }

    func auth(user: [UInt8], ok: Bool, reason: [UInt8]) {
        user.withUnsafeBufferPointer { user in
            reason.withUnsafeBufferPointer { reason in
                var event = qpc_auth_event(
                    username: user.baseAddress, username_len: user.count, success: ok ? 1 : 0,
                    failure_reason: reason.baseAddress, failure_reason_len: reason.count)
                table.on_auth?(table.user_data, &event)
            }
        }
    }

    func channel(_ channel: [UInt8], initiator: [UInt8], peer: [UInt8], isNew: Bool) {
        channel.withUnsafeBufferPointer { channel in
            initiator.withUnsafeBufferPointer { initiator in
                peer.withUnsafeBufferPointer { peer in
                    var event = qpc_channel_event(
                        channel_id: channel.baseAddress, channel_id_len: channel.count,
                        initiator_key: initiator.baseAddress, initiator_key_len: initiator.count,
                        peer_key: peer.baseAddress, peer_key_len: peer.count, was_new: isNew ? 1 : 0)
                    table.on_channel_created?(table.user_data, &event)
                }
            }
        }
    }

    func fetch(recipient: [UInt8], channel: [UInt8], count: Int) {
        recipient.withUnsafeBufferPointer { recipient in
            channel.withUnsafeBufferPointer { channel in
                var event = qpc_fetch_event(
                    recipient_key: recipient.baseAddress, recipient_key_len: recipient.count,
                    channel_id: channel.baseAddress, channel_id_len: channel.count, message_count: count)
                table.on_fetch?(table.user_data, &event)
            }
        }
    }

    func registered(user: [UInt8], identity: [UInt8]) {
        user.withUnsafeBufferPointer { user in
            identity.withUnsafeBufferPointer { identity in
                table.on_user_registered?(
                    table.user_data, user.baseAddress, user.count, identity.baseAddress, identity.count)
            }
        }
    }

    private func withEvent<Result>(
        _ message: DemoMessage, _ body: (UnsafePointer<qpc_message_event>) -> Result
    ) -> Result {
        (message.sender ?? []).withUnsafeBufferPointer { sender in
            message.recipient.withUnsafeBufferPointer { recipient in
                message.channel.withUnsafeBufferPointer { channel in
                    var event = qpc_message_event(
                        sender_identity: message.sender == nil ? nil : sender.baseAddress,
                        sender_identity_len: sender.count, recipient_key: recipient.baseAddress,
                        recipient_key_len: recipient.count, channel_id: channel.baseAddress,
                        channel_id_len: channel.count, payload_len: message.bytes, seq: message.seq)
                    return body(&event)
                }
            }
        }
    }
}

struct DemoMessage {
    /// Nil for a sealed sender.
    var sender: [UInt8]?
    var recipient: [UInt8]
    var channel: [UInt8]
    var bytes: Int
    var seq: UInt64
}
