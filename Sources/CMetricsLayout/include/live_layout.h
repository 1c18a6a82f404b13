// live_layout.h: the mapped file `live.qpcm`, version 1. Little-endian, offsets in bytes.
//
//      0 ┌────────────────────────────┐
//        │ header                     │ 4096   identity of the session, drain's state and gauges
//   4096 ├────────────────────────────┤
//        │ base counters              │ 4096   totals of all earlier sessions; written once, before magic
//   8192 ├────────────────────────────┤
//        │ drain counters             │ 4096   written by the plugin's thread
//  12288 ├────────────────────────────┤
//        │ overflow counters          │ 4096   atomically added to by threads that found no slot
//  16384 ├────────────────────────────┤
//        │ slot 0                     │ slot_stride bytes each, slots_ready of them;
//        │ slot 1 ...                 │ one slot is one server thread's counters and ring
//        └────────────────────────────┘
//
// A counter area is two arrays of QPCM_COUNTER_WORDS unsigned 64-bit integers, whose indices are
// `CounterIndex` in MetricsModel:
//
//      0 ┌────────────────────────────┐
//        │ ringed                     │ 2048   what the log and the rings can restore  
//   2048 ├────────────────────────────┤
//        │ direct                     │ 2048   what is only here: drops, durations, errors
//        └────────────────────────────┘
//
// A metric's value is the sum of its word over every counter area. After a crash, `ringed` words are taken from the log and the
// records still in the rings, `direct` words from this file; so a total is exact even if its writer died between two of its
// stores.
//
// Words marked (a) are accessed atomically; C's _Atomic would be lost in Swift, so they are declared plain and bound to
// Atomic<UInt64> there.
#ifndef QPCM_LIVE_LAYOUT_H
#define QPCM_LIVE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define QPCM_LIVE_MAGIC 0x4556494C4D435051ull  // "QPCMLIVE", written last

enum {
    QPCM_PAGE_BYTES = 4096,
    QPCM_COUNTER_WORDS = 256,
    QPCM_DIRECT_BYTES = 2048,      // from a counter area's start to its direct array
    QPCM_BASE_COUNTERS = 4096,
    QPCM_DRAIN_COUNTERS = 8192,
    QPCM_OVERFLOW_COUNTERS = 12288,
    QPCM_SLOTS = 16384,
    QPCM_SLOT_LIMIT = 1024,        // slots that a file can have
};

enum { QPCM_CLOCK_REALTIME = 0, QPCM_CLOCK_TSC = 1 };
enum { QPCM_STATE_RUNNING = 1, QPCM_STATE_STOPPED = 2 };

/// The first page. Who writes: [init] once before magic; [drain] the plugin's thread; [any] any thread.
typedef struct qpcm_header {
    uint64_t magic;                // (a) [init] written last
    uint32_t version;              // [init] Version.live in MetricsModel; stays here in every later format
    uint32_t header_bytes;         // [init] QPCM_SLOTS
    uint32_t slot_limit;           // [init] QPCM_SLOT_LIMIT
    uint32_t counter_words;        // [init] QPCM_COUNTER_WORDS
    uint64_t ring_bytes;           // [init] a slot's ring, a power of two
    uint64_t slot_stride;          // [init] QPCM_SLOT_RING + ring_bytes
    uint64_t session[2];           // [init] random; names this file in the log
    uint64_t pid;                  // [init] the server's process
    uint64_t start_ns;             // [init] UTC, nanoseconds since 1970
    uint64_t clock;                // [init] QPCM_CLOCK_*: what a record's ticks are
    uint64_t identities;           // [init] 0 pseudonym, 1 plain, 2 none
    uint8_t boot_id[16];           // [init] the kernel's boot that the ticks and the pid belong to
    char plugin_version[16];       // [init] NUL-padded; stays here, too
    uint64_t flush_interval_ns;    // [init]
    uint64_t created_ns;           // [init] when the counters began, UTC as start_ns; 0 if not known
    uint64_t pairs;                // [init] 0 on, 1 off: what links two people is left out of the log
    uint64_t key_rotation_ns;      // [init] 0: keys are not rotated
    uint64_t retention_ns;         // [init] the oldest age kept in the log, 0 for any
    uint64_t max_bytes;            // [init] the log's cap, 0 for none
    uint64_t log_off;              // [init] 0 on, 1 off: events are counted, and none gets a row
    uint64_t keys_sealed;          // [init] 0 no, 1 yes: keys of pseudonyms are on the disk only sealed to an operator's key
    uint64_t message_hook_off;     // [init] 0 on, 1 off: nothing is recorded of messages that come alone
    uint64_t reserved0[7];
    uint64_t init_check;           // [init] over all [init] words from version on and the base counters; 0: none
    // 256: the slots
    uint64_t slots_ready;          // (a) [any] slots below this exist in the file
    uint64_t slots_reserved;       // (a) [any] next slot to make
    uint64_t reserved1[6];
    // 320: the plugin's thread
    uint64_t state;                // (a) [drain] QPCM_STATE_*
    uint64_t heartbeat_ns;         // (a) [drain] UTC
    uint64_t anchor_index;         // (a) [drain] which anchor is valid, 0 or 1
    uint64_t anchor[2][3];         // (a) [drain] ticks, UTC ns at these ticks, ns per tick times 2^32
    uint64_t last_drop_us;         // (a) [drain] when an event was last dropped, UTC, 0 for never
    uint64_t recovered_us;         // (a) [drain] when a dead server's events were put into the log, UTC, 0 for never
    uint64_t recipients_waiting;   // (a) [drain] recipients with messages not yet fetched
    uint64_t oldest_waiting_us;    // (a) [drain] since when the longest-waiting one has waited, UTC, 0 for nobody
    uint64_t failing_users[2];     // (a) [drain] users with a failed login in the last 5 minutes, in the last hour
    uint64_t first_drop_us;        // (a) [drain] when the first drop that the log does not list was noticed, UTC, 0 for none
    // 448: gauges
    uint64_t log_bytes;            // (a) [drain] events.db
    uint64_t wal_bytes;            // (a) [drain] events.db-wal
    uint64_t oldest_event_us;      // (a) [drain] UTC, 0 for an empty log
    uint64_t active_users[3];      // (a) [drain] 1, 7 and 30 days
    uint64_t log_trouble;          // (a) [drain] SQLite's extended code with which flushes fail, 0 if they succeed
    uint64_t counters_check;       // (a) [drain] over all counters, once the file is stopped; 0: none
    // 512: for a file outside of its data directory (LivePlace.swift), else 0
    uint64_t home_id[2];           // [init] random, and in the file's name
    uint64_t home_device;          // [init] of the data directory
    uint64_t home_inode;           // [init]
} qpcm_header;

enum {
    QPCM_HEADER_VERSION = 8,
    QPCM_HEADER_PLUGIN_VERSION = 104,
    QPCM_HEADER_VERSIONS_BYTES = 120,  // up to the end of plugin_version
    QPCM_HEADER_INIT_CHECK = 248,
    QPCM_HEADER_SLOTS_READY = 256,
    QPCM_HEADER_SLOTS_RESERVED = 264,
    QPCM_HEADER_STATE = 320,
    QPCM_HEADER_HEARTBEAT = 328,
    QPCM_HEADER_ANCHOR_INDEX = 336,
    QPCM_HEADER_ANCHORS = 344,
    QPCM_HEADER_LAST_DROP = 392,
    QPCM_HEADER_RECOVERED = 400,
    QPCM_HEADER_RECIPIENTS_WAITING = 408,
    QPCM_HEADER_OLDEST_WAITING = 416,
    QPCM_HEADER_FAILING_USERS = 424,
    QPCM_HEADER_FIRST_DROP = 440,
    QPCM_HEADER_LOG_BYTES = 448,
    QPCM_HEADER_WAL_BYTES = 456,
    QPCM_HEADER_OLDEST_EVENT = 464,
    QPCM_HEADER_ACTIVE_USERS = 472,
    QPCM_HEADER_LOG_TROUBLE = 496,
    QPCM_HEADER_COUNTERS_CHECK = 504,
    QPCM_HEADER_HOME_ID = 512,
};

_Static_assert(offsetof(qpcm_header, version) == QPCM_HEADER_VERSION, "version");
_Static_assert(offsetof(qpcm_header, ring_bytes) == 24, "ring_bytes");
_Static_assert(offsetof(qpcm_header, session) == 40, "session");
_Static_assert(offsetof(qpcm_header, boot_id) == 88, "boot_id");
_Static_assert(offsetof(qpcm_header, plugin_version) == QPCM_HEADER_PLUGIN_VERSION, "plugin_version");
_Static_assert(offsetof(qpcm_header, created_ns) == 128, "created_ns");
_Static_assert(offsetof(qpcm_header, init_check) == QPCM_HEADER_INIT_CHECK, "init_check");
_Static_assert(offsetof(qpcm_header, slots_ready) == QPCM_HEADER_SLOTS_READY, "slots_ready");
_Static_assert(offsetof(qpcm_header, slots_reserved) == QPCM_HEADER_SLOTS_RESERVED, "slots_reserved");
_Static_assert(offsetof(qpcm_header, state) == QPCM_HEADER_STATE, "state");
_Static_assert(offsetof(qpcm_header, heartbeat_ns) == QPCM_HEADER_HEARTBEAT, "heartbeat_ns");
_Static_assert(offsetof(qpcm_header, anchor_index) == QPCM_HEADER_ANCHOR_INDEX, "anchor_index");
_Static_assert(offsetof(qpcm_header, anchor) == QPCM_HEADER_ANCHORS, "anchor");
_Static_assert(offsetof(qpcm_header, first_drop_us) == QPCM_HEADER_FIRST_DROP, "first_drop_us");
_Static_assert(offsetof(qpcm_header, log_bytes) == QPCM_HEADER_LOG_BYTES, "log_bytes");
_Static_assert(offsetof(qpcm_header, wal_bytes) == QPCM_HEADER_WAL_BYTES, "wal_bytes");
_Static_assert(offsetof(qpcm_header, oldest_event_us) == QPCM_HEADER_OLDEST_EVENT, "oldest_event_us");
_Static_assert(offsetof(qpcm_header, active_users) == QPCM_HEADER_ACTIVE_USERS, "active_users");
_Static_assert(offsetof(qpcm_header, last_drop_us) == QPCM_HEADER_LAST_DROP, "last_drop_us");
_Static_assert(offsetof(qpcm_header, recovered_us) == QPCM_HEADER_RECOVERED, "recovered_us");
_Static_assert(offsetof(qpcm_header, recipients_waiting) == QPCM_HEADER_RECIPIENTS_WAITING, "recipients_waiting");
_Static_assert(offsetof(qpcm_header, oldest_waiting_us) == QPCM_HEADER_OLDEST_WAITING, "oldest_waiting_us");
_Static_assert(offsetof(qpcm_header, failing_users) == QPCM_HEADER_FAILING_USERS, "failing_users");
_Static_assert(offsetof(qpcm_header, log_trouble) == QPCM_HEADER_LOG_TROUBLE, "log_trouble");
_Static_assert(offsetof(qpcm_header, counters_check) == QPCM_HEADER_COUNTERS_CHECK, "counters_check");
_Static_assert(offsetof(qpcm_header, home_id) == QPCM_HEADER_HOME_ID, "home_id");
_Static_assert(sizeof(qpcm_header) <= QPCM_PAGE_BYTES, "the header is one page");

/// A slot: one server thread's counters and ring. The slot of a thread that has ended is free for the next thread, which
/// continues with its counts and its ring as they are.
typedef struct qpcm_slot {
    // 0: ownership
    uint64_t state;                // (a) [any] QPCM_SLOT_*
    uint64_t reserved0[7];
    // 64: the producer's line
    uint64_t tail;                 // (a) [owner] next byte to write, only ever increases
    uint64_t cached_head;          // [owner] head as last seen
    uint64_t mask;                 // [maker] ring_bytes - 1
    uint64_t reserved1[5];
    // 128: the consumer's line
    uint64_t head;                 // (a) [drain] next byte to read, only ever increases; everything below it is wiped
    uint64_t reserved2[7];
} qpcm_slot;

enum { QPCM_SLOT_ABSENT = 0, QPCM_SLOT_FREE = 1, QPCM_SLOT_OWNED = 2 };
enum {
    QPCM_SLOT_TAIL = 64,
    QPCM_SLOT_CACHED_HEAD = 72,
    QPCM_SLOT_MASK = 80,
    QPCM_SLOT_HEAD = 128,
    QPCM_SLOT_COUNTERS = 4096,     // a counter area
    QPCM_SLOT_RING = 8192,         // ring_bytes of records, see event_record.h
};

_Static_assert(offsetof(qpcm_slot, tail) == QPCM_SLOT_TAIL, "tail");
_Static_assert(offsetof(qpcm_slot, cached_head) == QPCM_SLOT_CACHED_HEAD, "cached_head");
_Static_assert(offsetof(qpcm_slot, mask) == QPCM_SLOT_MASK, "mask");
_Static_assert(offsetof(qpcm_slot, head) == QPCM_SLOT_HEAD, "head");

#endif
