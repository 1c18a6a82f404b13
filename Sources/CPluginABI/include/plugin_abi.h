// plugin_abi.h: the quicprochat server's plugin interface, in C.
//
// The server hands a zeroed `qpc_hook_vtable` to the one exported function, `qpc_plugin_init`, and calls
// the slots that were filled, each with `user_data` first. Threads and lifetimes:
//
//   [init]    called once, on the thread that loads plugins
//   [worker]  called on any server thread, many at once; a slow call is a slow RPC
//   [closing] called on any thread, workers may still be calling; may block
//
// Every pointer inside an event lives only for the call. A field that is absent may be null with length 0
// or dangling with length 0: read the length first. Strings need not end in NUL: trust the length.
#ifndef QPC_PLUGIN_ABI_H
#define QPC_PLUGIN_ABI_H

#include <stddef.h>
#include <stdint.h>

enum { QPC_PLUGIN_OK = 0 };
enum { QPC_HOOK_CONTINUE = 0, QPC_HOOK_REJECT = 1 };

/// One message on its way into the store: `on_message_enqueue`, and each element of `on_batch_enqueue`.
typedef struct qpc_message_event {
    const uint8_t *sender_identity;  // Ed25519 key, 32 bytes; absent for a sealed sender
    size_t sender_identity_len;
    const uint8_t *recipient_key;    // Ed25519 key, 32 bytes
    size_t recipient_key_len;
    const uint8_t *channel_id;       // 16 bytes, may be absent
    size_t channel_id_len;
    size_t payload_len;              // bytes of the encrypted payload
    uint64_t seq;                    // assigned by the server
} qpc_message_event;

/// One login attempt, after success and after failure.
typedef struct qpc_auth_event {
    const uint8_t *username;
    size_t username_len;
    int32_t success;                 // non-zero on success
    const uint8_t *failure_reason;   // free text, empty on success
    size_t failure_reason_len;
} qpc_auth_event;

/// One channel created, or looked up.
typedef struct qpc_channel_event {
    const uint8_t *channel_id;
    size_t channel_id_len;
    const uint8_t *initiator_key;
    size_t initiator_key_len;
    const uint8_t *peer_key;
    size_t peer_key_len;
    int32_t was_new;                 // non-zero if freshly created
} qpc_channel_event;

/// One fetch of waiting messages.
typedef struct qpc_fetch_event {
    const uint8_t *recipient_key;
    size_t recipient_key_len;
    const uint8_t *channel_id;
    size_t channel_id_len;
    size_t message_count;            // messages handed out, 0 for an empty fetch
} qpc_fetch_event;

/// The table that `qpc_plugin_init` fills. A null slot is never called.
typedef struct qpc_hook_vtable {
    void *user_data;
    int32_t (*on_message_enqueue)(void *user_data, const qpc_message_event *event);                 // [worker]
    void (*on_batch_enqueue)(void *user_data, const qpc_message_event *events, size_t count);       // [worker]
    void (*on_auth)(void *user_data, const qpc_auth_event *event);                                  // [worker]
    void (*on_channel_created)(void *user_data, const qpc_channel_event *event);                    // [worker]
    void (*on_fetch)(void *user_data, const qpc_fetch_event *event);                                // [worker]
    void (*on_user_registered)(void *user_data, const uint8_t *username, size_t username_len,
                               const uint8_t *identity_key, size_t identity_key_len);               // [worker]
    const uint8_t *(*error_message)(void *user_data);                                               // [worker]
    void (*destroy)(void *user_data);                                                               // [closing]
    void (*on_shutdown)(void *user_data);                                                           // [closing]
} qpc_hook_vtable;

#define QPC_ASSERT_AT(type, field, offset) \
    _Static_assert(offsetof(type, field) == (offset), #type "." #field " is not at " #offset)

_Static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8, "the ABI is drawn for 64-bit machines");

QPC_ASSERT_AT(qpc_message_event, sender_identity, 0);
QPC_ASSERT_AT(qpc_message_event, sender_identity_len, 8);
QPC_ASSERT_AT(qpc_message_event, recipient_key, 16);
QPC_ASSERT_AT(qpc_message_event, recipient_key_len, 24);
QPC_ASSERT_AT(qpc_message_event, channel_id, 32);
QPC_ASSERT_AT(qpc_message_event, channel_id_len, 40);
QPC_ASSERT_AT(qpc_message_event, payload_len, 48);
QPC_ASSERT_AT(qpc_message_event, seq, 56);
_Static_assert(sizeof(qpc_message_event) == 64, "qpc_message_event is 64 bytes");

QPC_ASSERT_AT(qpc_auth_event, username, 0);
QPC_ASSERT_AT(qpc_auth_event, username_len, 8);
QPC_ASSERT_AT(qpc_auth_event, success, 16);
QPC_ASSERT_AT(qpc_auth_event, failure_reason, 24);
QPC_ASSERT_AT(qpc_auth_event, failure_reason_len, 32);
_Static_assert(sizeof(qpc_auth_event) == 40, "qpc_auth_event is 40 bytes");

QPC_ASSERT_AT(qpc_channel_event, channel_id, 0);
QPC_ASSERT_AT(qpc_channel_event, channel_id_len, 8);
QPC_ASSERT_AT(qpc_channel_event, initiator_key, 16);
QPC_ASSERT_AT(qpc_channel_event, initiator_key_len, 24);
QPC_ASSERT_AT(qpc_channel_event, peer_key, 32);
QPC_ASSERT_AT(qpc_channel_event, peer_key_len, 40);
QPC_ASSERT_AT(qpc_channel_event, was_new, 48);
_Static_assert(sizeof(qpc_channel_event) == 56, "qpc_channel_event is 56 bytes");

QPC_ASSERT_AT(qpc_fetch_event, recipient_key, 0);
QPC_ASSERT_AT(qpc_fetch_event, recipient_key_len, 8);
QPC_ASSERT_AT(qpc_fetch_event, channel_id, 16);
QPC_ASSERT_AT(qpc_fetch_event, channel_id_len, 24);
QPC_ASSERT_AT(qpc_fetch_event, message_count, 32);
_Static_assert(sizeof(qpc_fetch_event) == 40, "qpc_fetch_event is 40 bytes");

QPC_ASSERT_AT(qpc_hook_vtable, user_data, 0);
QPC_ASSERT_AT(qpc_hook_vtable, on_message_enqueue, 8);
QPC_ASSERT_AT(qpc_hook_vtable, on_batch_enqueue, 16);
QPC_ASSERT_AT(qpc_hook_vtable, on_auth, 24);
QPC_ASSERT_AT(qpc_hook_vtable, on_channel_created, 32);
QPC_ASSERT_AT(qpc_hook_vtable, on_fetch, 40);
QPC_ASSERT_AT(qpc_hook_vtable, on_user_registered, 48);
QPC_ASSERT_AT(qpc_hook_vtable, error_message, 56);
QPC_ASSERT_AT(qpc_hook_vtable, destroy, 64);
QPC_ASSERT_AT(qpc_hook_vtable, on_shutdown, 72);
_Static_assert(sizeof(qpc_hook_vtable) == 80, "qpc_hook_vtable is 80 bytes");

#endif
