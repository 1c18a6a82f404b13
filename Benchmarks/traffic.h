// traffic.h: seeded traffic of a chat server, as numbers from which both the hooks' arguments and the bare loop's integer rows
// are made.
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <stdint.h>
#include <stdlib.h>

#include "bench.h"

enum { PEOPLE = 10000, CHANNELS = 15000, REASONS = 8 };
enum { EVENT_MESSAGE, EVENT_BATCH, EVENT_AUTH, EVENT_CHANNEL, EVENT_FETCH, EVENT_REGISTERED, EVENT_KINDS, EVENT_MIXED };

/// One event. A batch is several in a row, the first of which has their number in `batch`.
typedef struct event {
    uint8_t kind, yes, reason;
    uint16_t batch;        // messages of the call that begins here; 0 within a batch
    uint32_t who, whom, channel;  // 0 for none, else 1 + index
    uint32_t number;       // bytes, or messages of a fetch
} event;

typedef struct people {
    uint8_t keys[PEOPLE][32];
    uint8_t channels[CHANNELS][16];
    char names[PEOPLE][16];
    uint8_t name_lengths[PEOPLE];
} people;

static const char *const traffic_reasons[REASONS] = {
    "invalid credentials", "unknown user", "rate limited", "OPAQUE protocol error",
    "account locked", "session expired", "wrong password", "internal error",
};

static inline people *people_make(void) {
    people *p = malloc(sizeof *p);
    uint64_t seed = 0x70656F706C65ull;
    for (int i = 0; i < PEOPLE; i++) {
        for (int b = 0; b < 32; b += 8) *(uint64_t *)(p->keys[i] + b) = next_random(&seed);
        p->name_lengths[i] = (uint8_t)snprintf(p->names[i], 16, "user%d", i);
    }
    for (int i = 0; i < CHANNELS; i++)
        for (int b = 0; b < 16; b += 8) *(uint64_t *)(p->channels[i] + b) = next_random(&seed);
    return p;
}

/// A few people do most of it: the choice squares a uniform value.
static inline uint32_t somebody(uint64_t *seed, uint32_t of) {
    double share = (double)(next_random(seed) >> 11) / 9007199254740992.0;
    return 1 + (uint32_t)(share * share * of);
}

static inline event one_event(uint64_t *seed, int kind) {
    event e = {0};
    if (kind == EVENT_MIXED) {
        // Of 100 calls: 50 messages, 20 fetches, 15 logins, 8 channels, 5 batches, 2 registrations.
        unsigned of100 = (unsigned)(next_random(seed) % 100);
        kind = of100 < 50 ? EVENT_MESSAGE : of100 < 70 ? EVENT_FETCH : of100 < 85 ? EVENT_AUTH
             : of100 < 93 ? EVENT_CHANNEL : of100 < 98 ? EVENT_BATCH : EVENT_REGISTERED;
    }
    e.kind = (uint8_t)kind;
    e.who = somebody(seed, PEOPLE);
    e.whom = somebody(seed, PEOPLE);
    e.channel = somebody(seed, CHANNELS);
    uint64_t r = next_random(seed);
    e.yes = (r & 15) != 0;
    e.reason = (uint8_t)(r >> 8 & 7);
    e.number = (uint32_t)(kind == EVENT_FETCH ? (r >> 16) % 21 : 100 + (r >> 16) % 4000);
    if ((kind == EVENT_MESSAGE || kind == EVENT_BATCH) && (r >> 48) % 4 == 0) e.who = 0;  // sealed
    return e;
}

/// Exactly `count` events.
static inline event *traffic_make(size_t count, int kind, uint64_t seed) {
    event *all = malloc(count * sizeof *all);
    seed = seed * 0x9E3779B97F4A7C15ull | 1;
    for (size_t at = 0; at < count;) {
        event e = one_event(&seed, kind);
        size_t n = 1;
        if (e.kind == EVENT_BATCH) {
            n = 1 + next_random(&seed) % 15;
            if (n > count - at) n = count - at;
        }
        e.batch = (uint16_t)n;
        all[at++] = e;
        for (size_t i = 1; i < n; i++) {
            all[at] = one_event(&seed, EVENT_BATCH);
            all[at++].batch = 0;
        }
    }
    return all;
}

static inline qpc_message_event message_of(const event *e, const people *p, uint64_t seq) {
    return (qpc_message_event){
        e->who ? p->keys[e->who - 1] : NULL, e->who ? 32 : 0, p->keys[e->whom - 1], 32, p->channels[e->channel - 1], 16,
        e->number, seq,
    };
}

/// Calls the hook for the event, or for the batch that begins with it; returns the number of events passed.
static inline size_t traffic_call(const qpc_hook_vtable *t, const people *p, const event *e, uint64_t seq) {
    switch (e->kind) {
    case EVENT_MESSAGE: {
        qpc_message_event m = message_of(e, p, seq);
        t->on_message_enqueue(t->user_data, &m);
        return 1;
    }
    case EVENT_BATCH: {
        qpc_message_event m[16];
        for (size_t i = 0; i < e->batch; i++) m[i] = message_of(e + i, p, seq + i);
        t->on_batch_enqueue(t->user_data, m, e->batch);
        return e->batch;
    }
    case EVENT_AUTH: {
        uint32_t user = e->whom - 1;
        const char *reason = e->yes ? NULL : traffic_reasons[e->reason];
        qpc_auth_event a = {(const uint8_t *)p->names[user], p->name_lengths[user], e->yes, (const uint8_t *)reason,
                            reason ? strlen(reason) : 0};
        t->on_auth(t->user_data, &a);
        return 1;
    }
    case EVENT_CHANNEL: {
        qpc_channel_event c = {p->channels[e->channel - 1], 16, p->keys[e->who - 1], 32, p->keys[e->whom - 1], 32,
                               e->yes};
        t->on_channel_created(t->user_data, &c);
        return 1;
    }
    case EVENT_FETCH: {
        qpc_fetch_event f = {p->keys[e->whom - 1], 32, p->channels[e->channel - 1], 16, e->number};
        t->on_fetch(t->user_data, &f);
        return 1;
    }
    default: {
        uint32_t user = e->whom - 1;
        t->on_user_registered(t->user_data, (const uint8_t *)p->names[user], p->name_lengths[user], p->keys[user], 32);
        return 1;
    }
    }
}

#endif
