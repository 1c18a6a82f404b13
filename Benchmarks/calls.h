// calls.h: the calls for timing hooks: 64 different events of each kind, hot in the cache as in a server that has just made them.
#ifndef CALLS_H
#define CALLS_H

#include <stdio.h>
#include <string.h>

#include "bench.h"

enum {
    CALL_MESSAGE, CALL_BATCH_1, CALL_BATCH_10, CALL_BATCH_100, CALL_AUTH_OK, CALL_AUTH_FAILED, CALL_CHANNEL, CALL_FETCH,
    CALL_REGISTERED, CALL_KINDS,
};
enum { CALL_EVENTS = 64 };

typedef struct calls {
    uint8_t keys[CALL_EVENTS][32];
    uint8_t channels[CALL_EVENTS][16];
    char users[CALL_EVENTS][16];
    uint8_t user_lengths[CALL_EVENTS];
    qpc_message_event messages[CALL_EVENTS + 100];
    qpc_auth_event auth_ok[CALL_EVENTS], auth_failed[CALL_EVENTS];
    qpc_channel_event channel_events[CALL_EVENTS];
    qpc_fetch_event fetches[CALL_EVENTS];
} calls;

static inline void calls_make(calls *c) {
    static const char *const reasons[] = {"invalid credentials", "unknown user", "rate limited", "OPAQUE protocol error",
                                          "account locked", "session expired", "InvalidPassword", "internal error"};
    uint64_t seed = 0x71706362656E6368ull;
    for (int i = 0; i < CALL_EVENTS; i++) {
        for (int b = 0; b < 32; b += 8) *(uint64_t *)(c->keys[i] + b) = next_random(&seed);
        for (int b = 0; b < 16; b += 8) *(uint64_t *)(c->channels[i] + b) = next_random(&seed);
        c->user_lengths[i] =
            (uint8_t)snprintf(c->users[i], sizeof c->users[i], "user%u", (unsigned)(next_random(&seed) % 100000));
    }
    for (int i = 0; i < CALL_EVENTS + 100; i++) {
        int sealed = next_random(&seed) % 4 == 0;
        c->messages[i] = (qpc_message_event){
            .sender_identity = sealed ? NULL : c->keys[i % CALL_EVENTS],
            .sender_identity_len = sealed ? 0 : 32,
            .recipient_key = c->keys[(i * 7 + 3) % CALL_EVENTS],
            .recipient_key_len = 32,
            .channel_id = c->channels[i % CALL_EVENTS],
            .channel_id_len = 16,
            .payload_len = 1u << (next_random(&seed) % 18),
            .seq = (uint64_t)i,
        };
    }
    for (int i = 0; i < CALL_EVENTS; i++) {
        const char *reason = reasons[next_random(&seed) % 8];
        c->auth_ok[i] = (qpc_auth_event){(const uint8_t *)c->users[i], c->user_lengths[i], 1, NULL, 0};
        c->auth_failed[i] = (qpc_auth_event){(const uint8_t *)c->users[i], c->user_lengths[i], 0,
                                             (const uint8_t *)reason, strlen(reason)};
        c->channel_events[i] = (qpc_channel_event){c->channels[i], 16, c->keys[i], 32, c->keys[(i + 9) % CALL_EVENTS],
                                                   32, (int32_t)(next_random(&seed) & 1)};
        c->fetches[i] = (qpc_fetch_event){c->keys[i], 32, c->channels[i], 16, next_random(&seed) % 25};
    }
}

/// One call of a kind. Inlined, so that a loop over it contains only the call.
static inline __attribute__((always_inline)) void call(const qpc_hook_vtable *t, const calls *c, int kind, unsigned i) {
    i %= CALL_EVENTS;
    switch (kind) {
    case CALL_MESSAGE: t->on_message_enqueue(t->user_data, &c->messages[i]); break;
    case CALL_BATCH_1: t->on_batch_enqueue(t->user_data, &c->messages[i], 1); break;
    case CALL_BATCH_10: t->on_batch_enqueue(t->user_data, &c->messages[i], 10); break;
    case CALL_BATCH_100: t->on_batch_enqueue(t->user_data, &c->messages[i], 100); break;
    case CALL_AUTH_OK: t->on_auth(t->user_data, &c->auth_ok[i]); break;
    case CALL_AUTH_FAILED: t->on_auth(t->user_data, &c->auth_failed[i]); break;
    case CALL_CHANNEL: t->on_channel_created(t->user_data, &c->channel_events[i]); break;
    case CALL_FETCH: t->on_fetch(t->user_data, &c->fetches[i]); break;
    case CALL_REGISTERED:
        t->on_user_registered(t->user_data, (const uint8_t *)c->users[i], c->user_lengths[i], c->keys[i], 32);
        break;
    }
}

/// The ticks of `count` calls of one kind. Each kind has its own loop.
static inline uint64_t call_many(const qpc_hook_vtable *t, const calls *c, int kind, unsigned count) {
    uint64_t start = 0, end = 0;
#define LOOP(k)                                                  \
    case k:                                                      \
        start = ticks();                                         \
        for (unsigned i = 0; i < count; i++) call(t, c, k, i);   \
        end = ticks();                                           \
        break;
    switch (kind) {
        LOOP(CALL_MESSAGE)
        LOOP(CALL_BATCH_1)
        LOOP(CALL_BATCH_10)
        LOOP(CALL_BATCH_100)
        LOOP(CALL_AUTH_OK)
        LOOP(CALL_AUTH_FAILED)
        LOOP(CALL_CHANNEL)
        LOOP(CALL_FETCH)
        LOOP(CALL_REGISTERED)
    }
#undef LOOP
    return end - start;
}

/// The most bytes that a call takes in a ring.
static inline unsigned call_bytes(int kind) {
    switch (kind) {
    case CALL_BATCH_1: return 192;
    case CALL_BATCH_10: return 64 + 10 * 128;
    case CALL_BATCH_100: return 64 + 100 * 128;
    default: return 128;
    }
}

#endif
