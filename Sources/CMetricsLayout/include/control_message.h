// control_message.h: what a command asks of a running plugin, and what the plugin answers, version 1. One packet each, over
// `control.sock` in the data directory, a Unix packet socket (SOCK_SEQPACKET). Only the plugin writes the log; whoever wants
// something removed from it asks the plugin. None of this is ever written to disk.
//
// request, 320 bytes
//      0 ┌───────────────┬───────────────┐
//        │ magic         │ version       │
//      8 ├───────────────┼───────────────┤
//        │ action        │ name_bytes    │    action: QPCM_CONTROL_PRUNE and so on
//     16 ├───────────────┴───────────────┤
//        │ before_us                     │    prune: removes earlier events; the smallest number for no limit
//     24 ├───────────────────────────────┤
//        │ max_bytes                     │    prune: the log's size, at most; -1 for any
//     32 ├───────────────────────────────┤
//        │ name                          │    forget: a user's name, or a key's bytes; or the 16 of a pseudonym
//        │                               │    pseudonym: a user's name, a key or a channel
//    288 ├───────────────────────────────┤
//        │ reserved                      │
//    320 └───────────────────────────────┘
//
// answer, 384 bytes: one per second while the work goes on, and one at the end
//      0 ┌───────────────┬───────────────┐
//        │ magic         │ status        │    QPCM_CONTROL_WORKING, _DONE, _FAILED
//      8 ├───────────────┴───────────────┤
//        │ removed[6]                    │    events removed, by kind
//     56 ├───────────────┬───────────────┤
//        │ users         │ identities    │    forget: names that were found
//     64 ├───────────────┼───────────────┤
//        │ names         │ segments      │    unused names that were removed; segments indexed again
//     72 ├───────────────┴───────────────┤
//        │ bytes_before, bytes_after     │    events.db
//     88 ├───────────────────────────────┤
//        │ message                       │    why it failed, NUL-padded; or the pseudonym, in hexadecimal
//    344 ├───────────────────────────────┤
//        │ reserved                      │
//    384 └───────────────────────────────┘
#ifndef QPCM_CONTROL_MESSAGE_H
#define QPCM_CONTROL_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define QPCM_CONTROL_MAGIC 0x43435051u  // "QPCC"
#define QPCM_CONTROL_VERSION 1u

enum { QPCM_CONTROL_PRUNE = 1, QPCM_CONTROL_FORGET_USER = 2, QPCM_CONTROL_FORGET_IDENTITY = 3, QPCM_CONTROL_REBUILD = 4 };
// Under an operator's key only the plugin can make a pseudonym of the epoch under way. Answered at once.
enum { QPCM_CONTROL_PSEUDONYM = 5 };
enum { QPCM_CONTROL_WORKING = 1, QPCM_CONTROL_DONE = 2, QPCM_CONTROL_FAILED = 3 };
enum { QPCM_CONTROL_NAME_BYTES = 256, QPCM_CONTROL_MESSAGE_BYTES = 256 };

typedef struct qpcm_control_request {
    uint32_t magic;
    uint32_t version;
    uint32_t action;
    uint32_t name_bytes;
    int64_t before_us;
    int64_t max_bytes;
    uint8_t name[QPCM_CONTROL_NAME_BYTES];
    uint8_t reserved[32];
} qpcm_control_request;

typedef struct qpcm_control_answer {
    uint32_t magic;
    uint32_t status;
    uint64_t removed[6];
    uint32_t users;
    uint32_t identities;
    uint32_t names;
    uint32_t segments;
    uint64_t bytes_before;
    uint64_t bytes_after;
    uint8_t message[QPCM_CONTROL_MESSAGE_BYTES];
    uint8_t reserved[40];
} qpcm_control_answer;

_Static_assert(offsetof(qpcm_control_request, name) == 32, "name");
_Static_assert(sizeof(qpcm_control_request) == 320, "a request");
_Static_assert(offsetof(qpcm_control_answer, users) == 56, "users");
_Static_assert(offsetof(qpcm_control_answer, bytes_before) == 72, "bytes_before");
_Static_assert(offsetof(qpcm_control_answer, message) == 88, "message");
_Static_assert(sizeof(qpcm_control_answer) == 384, "an answer");

#endif
