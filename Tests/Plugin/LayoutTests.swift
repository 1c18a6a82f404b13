import CPluginABI
import Foundation
import TestSupport
import Testing

/// The server's structures, from three sides: the plugin's C header, the host's own declarations in Rust, and, where
/// available, the server's source.
@Suite struct LayoutTests {
    @Test func theHostSeesTheOffsetsOfThePluginsHeader() throws {
        let host = try ServerHost()
        let layout = try decoded(host.ask("layout"))
        try host.exit()
        #expect(layout == Self.header)
    }

    @Test func theServersOwnSourceHasTheSameLayout() throws {
        let source =
            BuiltProducts.setting("QPC_UPSTREAM_API") ?? BuiltProducts.packageRoot + "/../shared/upstream/plugin_api.rs"
        guard FileManager.default.fileExists(atPath: source) else {
            return skip("the layout of the server's own source", because: "QPC_UPSTREAM_API does not say where it is")
        }
        let place = TemporaryDirectory()
        let hosts = BuiltProducts.packageRoot + "/Tests/Hosts"
        for arguments in [
            ["--crate-type", "rlib", "--crate-name", "qpc_plugin_api", source],
            ["--extern", "qpc_plugin_api=libqpc_plugin_api.rlib", hosts + "/upstream_layout.rs", "-o", "upstream-layout"],
        ] {
            // A compiler installed by a version manager looks for itself in the home directory.
            let home = BuiltProducts.setting("HOME") ?? "/"
            let built = try run(
                ["rustc", "--edition", "2021"] + arguments, environment: ["HOME": home], directory: place.path)
            try #require(built.status == 0, "\(built.errors)")
        }
        let layout = try decoded(run([place("upstream-layout")]).text)
        #expect(layout == Self.header)
    }

    private func decoded(_ json: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
    }

    /// Offsets as the compiler derives them from the header, which asserts them itself.
    private static let header: JSONValue = .object([
        "CMessageEvent": structure(
            qpc_message_event.self,
            [
                ("sender_identity", \.sender_identity, 8), ("sender_identity_len", \.sender_identity_len, 8),
                ("recipient_key", \.recipient_key, 8), ("recipient_key_len", \.recipient_key_len, 8),
                ("channel_id", \.channel_id, 8), ("channel_id_len", \.channel_id_len, 8),
                ("payload_len", \.payload_len, 8), ("seq", \.seq, 8),
            ]),
        "CAuthEvent": structure(
            qpc_auth_event.self,
            [
                ("username", \.username, 8), ("username_len", \.username_len, 8), ("success", \.success, 4),
                ("failure_reason", \.failure_reason, 8), ("failure_reason_len", \.failure_reason_len, 8),
            ]),
        "CChannelEvent": structure(
            qpc_channel_event.self,
            [
                ("channel_id", \.channel_id, 8), ("channel_id_len", \.channel_id_len, 8),
                ("initiator_key", \.initiator_key, 8), ("initiator_key_len", \.initiator_key_len, 8),
                ("peer_key", \.peer_key, 8), ("peer_key_len", \.peer_key_len, 8), ("was_new", \.was_new, 4),
            ]),
        "CFetchEvent": structure(
            qpc_fetch_event.self,
            [
                ("recipient_key", \.recipient_key, 8), ("recipient_key_len", \.recipient_key_len, 8),
                ("channel_id", \.channel_id, 8), ("channel_id_len", \.channel_id_len, 8),
                ("message_count", \.message_count, 8),
            ]),
        "HookVTable": structure(
            qpc_hook_vtable.self,
            [
                ("user_data", \.user_data, 8), ("on_message_enqueue", \.on_message_enqueue, 8),
                ("on_batch_enqueue", \.on_batch_enqueue, 8), ("on_auth", \.on_auth, 8),
                ("on_channel_created", \.on_channel_created, 8), ("on_fetch", \.on_fetch, 8),
                ("on_user_registered", \.on_user_registered, 8), ("error_message", \.error_message, 8),
                ("destroy", \.destroy, 8), ("on_shutdown", \.on_shutdown, 8),
            ]),
    ])

    private static func structure<Structure>(
        _ type: Structure.Type, _ fields: [(name: String, path: PartialKeyPath<Structure>, size: UInt64)]
    ) -> JSONValue {
        var members: [String: JSONValue] = [:]
        for field in fields {
            let offset = MemoryLayout<Structure>.offset(of: field.path)!
            members[field.name] = .object(["offset": .number(UInt64(offset)), "size": .number(field.size)])
        }
        return .object([
            "size": .number(UInt64(MemoryLayout<Structure>.stride)),
            "align": .number(UInt64(MemoryLayout<Structure>.alignment)), "fields": .object(members),
        ])
    }
}
