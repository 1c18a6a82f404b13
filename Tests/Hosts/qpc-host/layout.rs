//! The layout of the interface's types as JSON. `upstream_layout.rs` compiles this file over the server's own types.

use super::abi::{CAuthEvent, CChannelEvent, CFetchEvent, CMessageEvent, HookVTable};
use std::mem::{offset_of, size_of};

/// One structure's layout as a JSON member.
macro_rules! layout_of {
    ($structure:ident: $($field:ident),+) => {{
        // A pattern without `..` does not compile when the server's structure has a field that is not listed here.
        #[allow(dead_code)]
        fn lists_every_field($structure { $($field: _),+ }: &$structure) {}
        fn size_of_field<Field>(_: impl Fn(&$structure) -> &Field) -> usize {
            size_of::<Field>()
        }
        let fields = [$(format!(
            "\"{}\":{{\"offset\":{},\"size\":{}}}",
            stringify!($field),
            offset_of!($structure, $field),
            size_of_field(|structure| &structure.$field),
        )),+];
        format!(
            "\"{}\":{{\"size\":{},\"align\":{},\"fields\":{{{}}}}}",
            stringify!($structure),
            size_of::<$structure>(),
            std::mem::align_of::<$structure>(),
            fields.join(","),
        )
    }};
}

/// The layouts of all structures, as one JSON object.
pub fn layout() -> String {
    let structures = [
        layout_of!(CMessageEvent: sender_identity, sender_identity_len, recipient_key, recipient_key_len, channel_id,
                   channel_id_len, payload_len, seq),
        layout_of!(CAuthEvent: username, username_len, success, failure_reason, failure_reason_len),
        layout_of!(CChannelEvent: channel_id, channel_id_len, initiator_key, initiator_key_len, peer_key, peer_key_len,
                   was_new),
        layout_of!(CFetchEvent: recipient_key, recipient_key_len, channel_id, channel_id_len, message_count),
        layout_of!(HookVTable: user_data, on_message_enqueue, on_batch_enqueue, on_auth, on_channel_created, on_fetch,
                   on_user_registered, error_message, destroy, on_shutdown),
    ];
    format!("{{{}}}", structures.join(","))
}
