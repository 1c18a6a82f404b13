// hooks_baseline.c: the floor: the work of the plugin's hooks in plain C, written for speed, in a shared library of its own, so
// that it is called like the plugin. It does what the plugin must do, and nothing else:
//
//   - the calling thread's slot through an initial-exec thread-local, valid for one session
//   - the raw time-stamp counter, read once per call
//   - fields checked: length first; null, absurd and overlong ones
//   - a claim against the cached head, padding at the ring's end, the record in 64-byte granules with stamp and
//     trailer, one releasing store of the tail
//   - the same counters: events, buckets, sums, and one call in 1,024 timed
//   - the class of a failed login from its reason's words
//   - the cache lines two kilobytes ahead prefetched for writing, which makes a batch a third cheaper
//   - drops counted when the ring is full
//
// The rings are in a mapped file, like the plugin's. A consumer thread empties them: it reads each record's header, wipes the
// record, and releases the space.
#include "hooks_baseline.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define EXPORT __attribute__((visibility("default")))
#define COLD __attribute__((noinline, cold))
#define likely(x) __builtin_expect(!!(x), 1)

enum { GRANULE = 64, FIELDS_AT = 40, RECORD_LIMIT = 576, KEY_LIMIT = 64, TEXT_LIMIT = 256, SLOT_LIMIT = 64 };
enum { MESSAGE = 1, BATCH_MESSAGE, AUTH, CHANNEL, FETCH, REGISTERED, BATCH_BEGIN, BATCH_GOES_ON, PADDING };

typedef struct slot {
    _Alignas(64) _Atomic uint64_t state;
    _Alignas(64) _Atomic uint64_t tail;
    uint64_t cached_head;
    uint64_t mask;
    _Alignas(64) _Atomic uint64_t head;
    _Alignas(4096) _Atomic uint64_t ringed[256];
    _Atomic uint64_t direct[256];
    _Alignas(4096) uint8_t ring[];
} slot;

typedef struct floor_state {
    _Atomic uint64_t session;
    double ns_per_tick;
    uint8_t *memory;
    size_t bytes, stride;
    int threads;
    _Atomic int taken;
    pthread_t consumer;
    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    uint64_t asked, answered;
    int stopping;
} floor_state;

static _Thread_local struct {
    uint64_t session;
    slot *slot;
} current __attribute__((tls_model("initial-exec")));

// MARK: Reasons

enum { RATE = 1, LOCK = 2, EXPIRED = 4, UNKNOWN = 8, ABSENT = 16, USER = 32, CREDENTIALS = 64, PROTOCOL = 128, WEAK = 256 };

static const struct {
    const char *word;
    uint16_t meaning;
} words[] = {
    {"rate", RATE}, {"throttle", RATE}, {"limit", RATE}, {"limited", RATE}, {"limits", RATE}, {"many", RATE},
    {"toomany", RATE}, {"locked", LOCK}, {"lock", LOCK}, {"lockout", LOCK}, {"disabled", LOCK},
    {"suspende", LOCK}, {"banned", LOCK}, {"blocked", LOCK}, {"expired", EXPIRED}, {"expire", EXPIRED},
    {"expires", EXPIRED}, {"stale", EXPIRED}, {"timeout", EXPIRED}, {"outdated", EXPIRED},
    {"unknown", UNKNOWN}, {"missing", UNKNOWN}, {"found", ABSENT}, {"such", ABSENT}, {"exist", ABSENT},
    {"exists", ABSENT}, {"unregist", ABSENT}, {"nonexist", ABSENT}, {"user", USER}, {"users", USER},
    {"username", USER}, {"account", USER}, {"identity", USER}, {"login", USER}, {"credenti", CREDENTIALS},
    {"password", CREDENTIALS}, {"passphra", CREDENTIALS}, {"wrong", CREDENTIALS}, {"incorrec", CREDENTIALS},
    {"mismatch", CREDENTIALS}, {"mac", CREDENTIALS}, {"signatur", CREDENTIALS}, {"protocol", PROTOCOL},
    {"malforme", PROTOCOL}, {"opaque", PROTOCOL}, {"decode", PROTOCOL}, {"decoding", PROTOCOL},
    {"parse", PROTOCOL}, {"version", PROTOCOL}, {"unsuppor", PROTOCOL}, {"unexpect", PROTOCOL},
    {"handshak", PROTOCOL}, {"message", PROTOCOL}, {"format", PROTOCOL}, {"truncate", PROTOCOL},
    {"state", PROTOCOL}, {"ke1", PROTOCOL}, {"ke3", PROTOCOL}, {"invalid", WEAK}, {"bad", WEAK},
    {"denied", WEAK}, {"failed", WEAK}, {"failure", WEAK}, {"rejected", WEAK}, {"unauthor", WEAK},
};

static struct {
    uint64_t word;
    uint64_t meaning;
} lookup[512];
/// For each byte: the letter in lower case, or 0 for a byte that is not part of a word.
static uint8_t small[256];

static inline unsigned place(uint64_t word) { return (unsigned)((word * 0x9E3779B97F4A7C15ull) >> 55); }

static void make_tables(void) {
    for (int byte = 0; byte < 256; byte++) {
        small[byte] = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ? (uint8_t)byte
                      : byte >= 'A' && byte <= 'Z'                                ? (uint8_t)(byte + 32)
                                                                                  : 0;
    }
    memset(lookup, 0, sizeof lookup);
    for (size_t index = 0; index < sizeof words / sizeof words[0]; index++) {
        uint64_t word = 0;
        memcpy(&word, words[index].word, strlen(words[index].word));
        unsigned at = place(word);
        while (lookup[at].word != 0) at = (at + 1) & 511;
        lookup[at].word = word;
        lookup[at].meaning = words[index].meaning;
    }
}

static inline uint32_t meaning(uint64_t word) {
    for (unsigned at = place(word); lookup[at].word != 0; at = (at + 1) & 511)
        if (lookup[at].word == word) return (uint32_t)lookup[at].meaning;
    return 0;
}

static uint8_t failure_class(const uint8_t *reason, size_t length) {
    uint32_t found = 0;
    uint64_t word = 0;
    unsigned shift = 0, after_small = 0;
    for (size_t index = 0; index < length; index++) {
        uint8_t byte = reason[index], letter = small[byte];
        unsigned capital = letter != byte;
        if (letter == 0 || (capital && after_small)) {
            if (word != 0) found |= meaning(word);
            word = 0;
            shift = 0;
        }
        if (letter != 0 && shift < 64) {
            word |= (uint64_t)letter << shift;
            shift += 8;
        }
        after_small = byte >= 'a' && byte <= 'z';
    }
    if (word != 0) found |= meaning(word);
    if (found & RATE) return 2;
    if (found & LOCK) return 3;
    if (found & EXPIRED) return 4;
    if ((found & ABSENT) || ((found & UNKNOWN) && (found & USER))) return 1;
    if (found & CREDENTIALS) return 0;
    if (found & PROTOCOL) return 5;
    return found & WEAK ? 0 : 6;
}

// MARK: Fields and records

typedef struct field {
    const uint8_t *start;
    uint32_t count;
    uint32_t repaired;
} field;

static inline __attribute__((always_inline))
field make_field(const uint8_t *start, size_t length, uint32_t limit, size_t absurd) {
    if (length == 0) return (field){0, 0, 0};
    if (start == 0 || length > absurd) return (field){0, 0, 2};
    if (length > limit) return (field){start, limit, 2};
    return (field){start, (uint32_t)length, 0};
}
static inline field key(const uint8_t *start, size_t length) { return make_field(start, length, KEY_LIMIT, 4096); }
static inline field name(const uint8_t *start, size_t length) { return make_field(start, length, TEXT_LIMIT, 1 << 20); }

static inline uint64_t record_bytes(uint32_t fields) { return (fields + 40u + 8u + 63u) & ~63ull; }

static COLD int look_again(slot *s, uint64_t end) {
    s->cached_head = atomic_load_explicit(&s->head, memory_order_acquire);
    return end - s->cached_head <= s->mask + 1;
}

/// Whether `bytes`, and the padding that may be needed before them, fit at `*tail`.
static inline int claim(slot *s, uint64_t bytes, uint64_t *tail) {
    *tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
    uint64_t end = *tail + bytes + RECORD_LIMIT;
    return likely(end - s->cached_head <= s->mask + 1) || look_again(s, end);
}

static inline void fetch_for_writing(const uint8_t *line) { __asm__ volatile("prefetchw %0" : : "m"(*line)); }

static COLD uint64_t pad(slot *s, uint64_t position, uint64_t bytes) {
    uint64_t stamp = (uint32_t)(position >> 6) ^ 0x51504352u;
    *(uint64_t *)(s->ring + (position & s->mask)) = stamp | (uint64_t)PADDING << 32 | (bytes >> 6) << 48;
    return position + bytes;
}

/// Copies a text, short ones as two overlapping pieces.
static inline void copy_text(uint8_t *to, const uint8_t *from, uint32_t bytes) {
    if (bytes >= 16) {
        for (uint32_t at = 0; at + 16 <= bytes; at += 16) memcpy(to + at, from + at, 16);
        memcpy(to + bytes - 16, from + bytes - 16, 16);
    } else if (bytes >= 8) {
        memcpy(to, from, 8);
        memcpy(to + bytes - 8, from + bytes - 8, 8);
    } else if (bytes >= 4) {
        memcpy(to, from, 4);
        memcpy(to + bytes - 4, from + bytes - 4, 4);
    } else {
        for (uint32_t at = 0; at < bytes; at++) to[at] = from[at];
    }
}

static inline __attribute__((always_inline)) uint8_t *put_field(uint8_t *at, field f) {
    if (f.count == 32) memcpy(at, f.start, 32);
    else if (f.count == 16) memcpy(at, f.start, 16);
    else if (f.count != 0) copy_text(at, f.start, f.count);
    return at + f.count;
}

static inline __attribute__((always_inline))
uint64_t put(slot *s, uint64_t position, uint8_t kind, uint32_t flags, uint64_t start, uint32_t detail,
             uint64_t a, uint64_t b, field f0, field f1, field f2) {
    uint64_t bytes = record_bytes(f0.count + f1.count + f2.count);
    uint64_t to_end = s->mask + 1 - (position & s->mask);
    if (!likely(bytes <= to_end)) position = pad(s, position, to_end);
    uint8_t *record = s->ring + (position & s->mask);
    uint64_t *words = (uint64_t *)record;
    // Lines that a later call will write: the consumer wiped them, so they are in another CPU's cache.
    uint8_t *ahead = s->ring + ((position + 2048) & s->mask);
    fetch_for_writing(ahead);
    fetch_for_writing(ahead + 64);
    uint64_t stamp = (uint32_t)(position >> 6) ^ 0x51504352u;
    words[0] = stamp | (uint64_t)kind << 32 | (uint64_t)flags << 40 | (bytes >> 6) << 48;
    words[1] = start;
    words[2] = (uint64_t)f0.count | (uint64_t)f1.count << 16 | (uint64_t)f2.count << 32 | (uint64_t)detail << 48;
    words[3] = a;
    words[4] = b;
    put_field(put_field(put_field(record + FIELDS_AT, f0), f1), f2);
    *(uint64_t *)(record + bytes - 8) = stamp;
    return position + bytes;
}

static inline void commit(slot *s, uint64_t position) {
    atomic_store_explicit(&s->tail, position, memory_order_release);
}

// MARK: Counters

static inline uint64_t count(_Atomic uint64_t *word, uint64_t by) {
    uint64_t before = atomic_load_explicit(word, memory_order_relaxed);
    atomic_store_explicit(word, before + by, memory_order_relaxed);
    return before;
}

static inline uint64_t count_event(_Atomic uint64_t *word) {
    uint64_t before = atomic_load_explicit(word, memory_order_relaxed);
    atomic_store_explicit(word, before + 1, memory_order_release);
    return before;
}

static inline unsigned payload_bucket(uint64_t bytes) {
    if (bytes <= 64) return 0;
    unsigned bits = 64u - (unsigned)__builtin_clzll(bytes - 1);
    unsigned bucket = (bits - 5) >> 1;
    return bucket < 10 ? bucket : 10;
}

static inline unsigned fetch_bucket(uint64_t messages) {
    if (messages <= 2) return (unsigned)messages;
    if (messages <= 20) return messages <= 5 ? 3 : messages <= 10 ? 4 : 5;
    if (messages <= 200) return messages <= 50 ? 6 : messages <= 100 ? 7 : 8;
    return messages <= 500 ? 9 : messages <= 1000 ? 10 : 11;
}

static inline uint64_t at_most(uint64_t value) { return value < 1ull << 40 ? value : 1ull << 40; }

static COLD void time_call(floor_state *state, slot *s, int kind, uint64_t start) {
    static const uint64_t bounds[] = {10,   25,   50,    100,   250,   500,    1000,    2500,
                                      5000, 10000, 25000, 50000, 100000, 1000000, 10000000};
    uint64_t ns = (uint64_t)((double)(__rdtsc() - start) * state->ns_per_tick);
    int bucket = 0;
    while (bucket < 15 && ns > bounds[bucket]) bucket++;
    count(&s->direct[113 + 17 * kind + bucket], 1);
    count(&s->direct[113 + 17 * kind + 16], at_most(ns));
}

static inline uint64_t count_message(_Atomic uint64_t *c, int path, uint64_t bytes, int sealed) {
    uint64_t before = count_event(&c[6 + path]);
    count(&c[14 + 12 * path + (int)payload_bucket(bytes)], 1);
    count(&c[14 + 12 * path + 11], at_most(bytes));
    if (sealed) count(&c[12 + path], 1);
    return before;
}

// MARK: Slots

static COLD slot *first_call(floor_state *state) {
    uint64_t session = atomic_load_explicit(&state->session, memory_order_acquire);
    if (session == 0) return NULL;
    current.session = session;
    int index = atomic_fetch_add(&state->taken, 1);
    current.slot = index < state->threads ? (slot *)(state->memory + (size_t)index * state->stride) : NULL;
    return current.slot;
}

static inline slot *my_slot(floor_state *state) {
    if (likely(current.session == atomic_load_explicit(&state->session, memory_order_relaxed) && current.slot))
        return current.slot;
    return first_call(state);
}

// MARK: Hooks

static int32_t on_message(void *user_data, const qpc_message_event *e) {
    if (!user_data || !e) return 0;
    floor_state *state = user_data;
    uint64_t start = __rdtsc(), at;
    field f0 = key(e->sender_identity, e->sender_identity_len), f1 = key(e->recipient_key, e->recipient_key_len),
          f2 = key(e->channel_id, e->channel_id_len);
    slot *s = my_slot(state);
    if (!s) return 0;
    if (!likely(claim(s, record_bytes(f0.count + f1.count + f2.count), &at))) {
        count_message(s->direct, 0, e->payload_len, f0.count == 0);
        count(&s->direct[89], 1);
        return 0;
    }
    at = put(s, at, MESSAGE, f0.repaired | f1.repaired | f2.repaired, start, 0, e->payload_len, e->seq, f0, f1, f2);
    commit(s, at);
    if (!likely(count_message(s->ringed, 0, e->payload_len, f0.count == 0) & 1023)) time_call(state, s, 0, start);
    return 0;
}

static void on_batch(void *user_data, const qpc_message_event *events, size_t n) {
    if (!user_data) return;
    floor_state *state = user_data;
    uint64_t start = __rdtsc(), at;
    if (events == 0 || n > 1ull << 32) n = 0;
    slot *s = my_slot(state);
    if (!s) return;
    size_t from = 0;
    do {
        size_t to = from;
        uint64_t need = GRANULE;
        for (; to < n; to++) {
            const qpc_message_event *e = events + to;
            uint64_t more = record_bytes(key(e->sender_identity, e->sender_identity_len).count +
                                         key(e->recipient_key, e->recipient_key_len).count +
                                         key(e->channel_id, e->channel_id_len).count);
            if (need + more > (s->mask + 1) >> 1) break;
            need += more;
        }
        if (!likely(claim(s, need, &at))) {
            for (; from < n; from++)
                count_message(s->direct, 1, events[from].payload_len, events[from].sender_identity_len == 0);
            count(&s->direct[93], n);
            return;
        }
        field none = {0, 0, 0};
        at = put(s, at, from == 0 ? BATCH_BEGIN : BATCH_GOES_ON, 0, start, 0, n, 0, none, none, none);
        if (from == 0) {
            // The batch's own counters, once per call; those of its messages follow.
            count_event(&s->ringed[0]);
            count(&s->ringed[38 + (n <= 1 ? 0 : fetch_bucket(n) - 1)], 1);
            count(&s->ringed[49], at_most(n));
        }
        for (size_t index = from; index < to; index++) {
            const qpc_message_event *e = events + index;
            field f0 = key(e->sender_identity, e->sender_identity_len),
                  f1 = key(e->recipient_key, e->recipient_key_len), f2 = key(e->channel_id, e->channel_id_len);
            at = put(s, at, BATCH_MESSAGE, f0.repaired | f1.repaired | f2.repaired, start, 0, e->payload_len, e->seq,
                     f0, f1, f2);
        }
        commit(s, at);
        for (size_t index = from; index < to; index++)
            count_message(s->ringed, 1, events[index].payload_len, events[index].sender_identity_len == 0);
        from = to;
    } while (from < n);
    if ((atomic_load_explicit(&s->ringed[0], memory_order_relaxed) & 1023) == 1) time_call(state, s, 1, start);
}

static void on_auth(void *user_data, const qpc_auth_event *e) {
    if (!user_data || !e) return;
    floor_state *state = user_data;
    uint64_t start = __rdtsc(), at;
    field f0 = name(e->username, e->username_len), f1 = name(e->failure_reason, e->failure_reason_len);
    int ok = e->success != 0;
    uint8_t class = ok ? 6 : failure_class(f1.start, f1.count);
    slot *s = my_slot(state);
    if (!s) return;
    if (!likely(claim(s, record_bytes(f0.count + f1.count), &at))) {
        count_event(&s->direct[8]);
        if (!ok) count(&s->direct[63 + class], 1);
        count(&s->direct[97], 1);
        return;
    }
    field none = {0, 0, 0};
    at = put(s, at, AUTH, (uint32_t)ok | f0.repaired | f1.repaired, start, class, 0, 0, f0, f1, none);
    commit(s, at);
    uint64_t before = count_event(&s->ringed[8]);
    if (!ok) count(&s->ringed[63 + class], 1);
    if (!likely(before & 1023)) time_call(state, s, 2, start);
}

static void on_channel(void *user_data, const qpc_channel_event *e) {
    if (!user_data || !e) return;
    floor_state *state = user_data;
    uint64_t start = __rdtsc(), at;
    field f0 = key(e->channel_id, e->channel_id_len), f1 = key(e->initiator_key, e->initiator_key_len),
          f2 = key(e->peer_key, e->peer_key_len);
    int is_new = e->was_new != 0;
    slot *s = my_slot(state);
    if (!s) return;
    if (!likely(claim(s, record_bytes(f0.count + f1.count + f2.count), &at))) {
        count_event(&s->direct[9]);
        if (is_new) count(&s->direct[70], 1);
        count(&s->direct[101], 1);
        return;
    }
    at = put(s, at, CHANNEL, (uint32_t)is_new | f0.repaired | f1.repaired | f2.repaired, start, 0, 0, 0, f0, f1, f2);
    commit(s, at);
    uint64_t before = count_event(&s->ringed[9]);
    if (is_new) count(&s->ringed[70], 1);
    if (!likely(before & 1023)) time_call(state, s, 3, start);
}

static inline uint64_t count_fetch(_Atomic uint64_t *c, uint64_t messages) {
    uint64_t before = count_event(&c[10]);
    count(&c[50 + fetch_bucket(messages)], 1);
    count(&c[62], at_most(messages));
    return before;
}

static void on_fetch(void *user_data, const qpc_fetch_event *e) {
    if (!user_data || !e) return;
    floor_state *state = user_data;
    uint64_t start = __rdtsc(), at;
    field f0 = key(e->recipient_key, e->recipient_key_len), f1 = key(e->channel_id, e->channel_id_len);
    slot *s = my_slot(state);
    if (!s) return;
    if (!likely(claim(s, record_bytes(f0.count + f1.count), &at))) {
        count_fetch(s->direct, e->message_count);
        count(&s->direct[105], 1);
        return;
    }
    field none = {0, 0, 0};
    at = put(s, at, FETCH, f0.repaired | f1.repaired, start, 0, e->message_count, 0, f0, f1, none);
    commit(s, at);
    if (!likely(count_fetch(s->ringed, e->message_count) & 1023)) time_call(state, s, 4, start);
}

static void on_registered(void *user_data, const uint8_t *user, size_t user_length, const uint8_t *identity,
                          size_t identity_length) {
    if (!user_data) return;
    floor_state *state = user_data;
    uint64_t start = __rdtsc(), at;
    field f0 = name(user, user_length), f1 = key(identity, identity_length);
    slot *s = my_slot(state);
    if (!s) return;
    if (!likely(claim(s, record_bytes(f0.count + f1.count), &at))) {
        count_event(&s->direct[11]);
        count(&s->direct[109], 1);
        return;
    }
    field none = {0, 0, 0};
    at = put(s, at, REGISTERED, f0.repaired | f1.repaired, start, 0, 0, 0, f0, f1, none);
    commit(s, at);
    if (!likely(count_event(&s->ringed[11]) & 1023)) time_call(state, s, 5, start);
}

// MARK: The consumer

static void empty(slot *s) {
    uint64_t head = atomic_load_explicit(&s->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&s->tail, memory_order_acquire);
    static volatile uint64_t seen;
    for (uint64_t at = head; at != tail;) {
        uint64_t first = *(uint64_t *)(s->ring + (at & s->mask));
        seen += first;
        at += (first >> 48) << 6;
    }
    uint64_t from = head & s->mask, bytes = tail - head, first = s->mask + 1 - from;
    if (first > bytes) first = bytes;
    memset(s->ring + from, 0, first);
    memset(s->ring, 0, bytes - first);
    atomic_store_explicit(&s->head, tail, memory_order_release);
}

static void *consume(void *argument) {
    floor_state *state = argument;
    pthread_mutex_lock(&state->mutex);
    while (!state->stopping) {
        if (state->asked == state->answered) {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += 20000000;
            if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
            pthread_cond_timedwait(&state->wake, &state->mutex, &until);
        }
        uint64_t asked = state->asked;
        pthread_mutex_unlock(&state->mutex);
        for (int index = 0; index < state->threads; index++) {
            slot *s = (slot *)(state->memory + (size_t)index * state->stride);
            uint64_t waiting = atomic_load_explicit(&s->tail, memory_order_acquire) - s->head;
            if (asked != state->answered || waiting > (s->mask + 1) / 8) empty(s);
        }
        pthread_mutex_lock(&state->mutex);
        state->answered = asked;
        pthread_cond_broadcast(&state->done);
    }
    pthread_mutex_unlock(&state->mutex);
    return NULL;
}

static void on_shutdown(void *user_data) {
    floor_state *state = user_data;
    pthread_mutex_lock(&state->mutex);
    uint64_t ticket = ++state->asked;
    pthread_cond_signal(&state->wake);
    while (state->answered < ticket) pthread_cond_wait(&state->done, &state->mutex);
    pthread_mutex_unlock(&state->mutex);
}

static void destroy(void *user_data) {
    floor_state *state = user_data;
    pthread_mutex_lock(&state->mutex);
    state->stopping = 1;
    pthread_cond_signal(&state->wake);
    pthread_mutex_unlock(&state->mutex);
    pthread_join(state->consumer, NULL);
    munmap(state->memory, state->bytes);
    free(state);
}

EXPORT int floor_init(qpc_hook_vtable *table, const char *directory, size_t ring_bytes, int threads) {
    static uint64_t sessions;
    if (threads > SLOT_LIMIT) return -1;
    make_tables();
    floor_state *state = calloc(1, sizeof *state);
    char path[512];
    snprintf(path, sizeof path, "%s/floor.mem", directory);
    state->threads = threads;
    state->stride = sizeof(slot) + ring_bytes;
    state->bytes = state->stride * (size_t)threads;
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || posix_fallocate(file, 0, (off_t)state->bytes) != 0) return -1;
    state->memory = mmap(NULL, state->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    close(file);
    if (state->memory == MAP_FAILED) return -1;
    madvise(state->memory, state->bytes, MADV_DONTDUMP);
    if (madvise(state->memory, state->bytes, 23 /* MADV_POPULATE_WRITE */) != 0)
        for (size_t at = 0; at < state->bytes; at += 4096) ((volatile uint8_t *)state->memory)[at] = 0;
    for (int index = 0; index < threads; index++)
        ((slot *)(state->memory + (size_t)index * state->stride))->mask = ring_bytes - 1;

    struct timespec t0, t1, pause = {0, 20000000};
    clock_gettime(CLOCK_MONOTONIC, &t0);
    uint64_t k0 = __rdtsc();
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    uint64_t k1 = __rdtsc();
    state->ns_per_tick =
        ((double)(t1.tv_sec - t0.tv_sec) * 1e9 + (double)(t1.tv_nsec - t0.tv_nsec)) / (double)(k1 - k0);

    pthread_mutex_init(&state->mutex, NULL);
    pthread_cond_init(&state->wake, NULL);
    pthread_cond_init(&state->done, NULL);
    atomic_store(&state->session, ++sessions);
    if (pthread_create(&state->consumer, NULL, consume, state) != 0) return -1;
    table->user_data = state;
    table->on_message_enqueue = on_message;
    table->on_batch_enqueue = on_batch;
    table->on_auth = on_auth;
    table->on_channel_created = on_channel;
    table->on_fetch = on_fetch;
    table->on_user_registered = on_registered;
    table->on_shutdown = on_shutdown;
    table->destroy = destroy;
    return 0;
}
