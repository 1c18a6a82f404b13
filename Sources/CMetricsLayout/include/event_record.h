// event_record.h: one record in a slot's ring, version 1. Little-endian, a multiple of 64 bytes, contiguous.
//
//   0                4     5     6        8                               16
//  +----------------+-----+-----+--------+-------------------------------+
//  | stamp          |kind |flags|granules| ticks                         |
//  +-------+-------+-------+-------+-----+-------------------------------+
//  | len 0 | len 1 | len 2 | detail|  a                                  |  16 .. 32
//  +-------+-------+-------+-------+-------------------------------------+
//  | b                             |  field 0, field 1, field 2 ...      |  32, 40 ..
//  +-------------------------------+                     ...  +----------+
//  |                                                          | trailer  |  64 * granules - 8
//  +----------------------------------------------------------+----------+
//
// stamp     low 32 bits of (ring position / 64), xor QPCM_RECORD_STAMP: so that a record of an earlier lap is not
//           mistaken for one of this lap
// trailer   the stamp again, in 64 bits: to detect a record of which a power cut preserved only a part
// granules  length in units of 64 bytes
// ticks     when the hook was called, in the file's clock
//
// kind            field 0     field 1     field 2    a              b      detail
// message         sender      recipient   channel    payload bytes  seq
// batch message   sender      recipient   channel    payload bytes  seq
// auth            user        reason                                       failure class
// channel         channel     initiator   peer
// fetch           recipient   channel                count
// registered      user        identity
// batch begin                                        batch size
// batch goes on                                      batch size
// padding         (nothing; fills the ring's end, has no trailer)
#ifndef QPCM_EVENT_RECORD_H
#define QPCM_EVENT_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum {
    QPCM_GRANULE_BYTES = 64,
    QPCM_RECORD_FIELDS_AT = 40,
    QPCM_RECORD_TRAILER_BYTES = 8,
    QPCM_RECORD_KEY_LIMIT = 64,      // bytes of a key or channel that are kept
    QPCM_RECORD_TEXT_LIMIT = 256,    // bytes of a name or reason that are kept
    QPCM_RECORD_LIMIT = 576,         // the longest record: two texts
};
#define QPCM_RECORD_STAMP 0x51504352u

enum {
    QPCM_RECORD_MESSAGE = 1,
    QPCM_RECORD_BATCH_MESSAGE = 2,
    QPCM_RECORD_AUTH = 3,
    QPCM_RECORD_CHANNEL = 4,
    QPCM_RECORD_FETCH = 5,
    QPCM_RECORD_REGISTERED = 6,
    QPCM_RECORD_BATCH_BEGIN = 7,     // followed by its messages; a call with no messages is just this
    QPCM_RECORD_BATCH_GOES_ON = 8,   // the next part of a batch that did not fit in one claim
    QPCM_RECORD_PADDING = 9,
};

enum {
    QPCM_RECORD_FLAG_YES = 1,        // auth: ok; channel: new
    QPCM_RECORD_FLAG_REPAIRED = 2,   // a field was cut or left out: null with a length, or an absurd length
};

typedef struct qpcm_record {
    uint32_t stamp;
    uint8_t kind;
    uint8_t flags;
    uint16_t granules;
    uint64_t ticks;
    uint16_t lengths[3];
    uint16_t detail;
    uint64_t a;
    uint64_t b;
    uint8_t fields[24];
} qpcm_record;

enum {
    QPCM_RECORD_KIND_AT = 4,
    QPCM_RECORD_FLAGS_AT = 5,
    QPCM_RECORD_GRANULES_AT = 6,
    QPCM_RECORD_TICKS_AT = 8,
    QPCM_RECORD_LENGTHS_AT = 16,
    QPCM_RECORD_DETAIL_AT = 22,
    QPCM_RECORD_A_AT = 24,
    QPCM_RECORD_B_AT = 32,
};

_Static_assert(sizeof(qpcm_record) == QPCM_GRANULE_BYTES, "the shortest record is one granule");
_Static_assert(offsetof(qpcm_record, kind) == QPCM_RECORD_KIND_AT, "kind");
_Static_assert(offsetof(qpcm_record, flags) == QPCM_RECORD_FLAGS_AT, "flags");
_Static_assert(offsetof(qpcm_record, granules) == QPCM_RECORD_GRANULES_AT, "granules");
_Static_assert(offsetof(qpcm_record, ticks) == QPCM_RECORD_TICKS_AT, "ticks");
_Static_assert(offsetof(qpcm_record, lengths) == QPCM_RECORD_LENGTHS_AT, "lengths");
_Static_assert(offsetof(qpcm_record, detail) == QPCM_RECORD_DETAIL_AT, "detail");
_Static_assert(offsetof(qpcm_record, a) == QPCM_RECORD_A_AT, "a");
_Static_assert(offsetof(qpcm_record, b) == QPCM_RECORD_B_AT, "b");
_Static_assert(offsetof(qpcm_record, fields) == QPCM_RECORD_FIELDS_AT, "fields");
_Static_assert(QPCM_RECORD_LIMIT >= QPCM_RECORD_FIELDS_AT + 2 * QPCM_RECORD_TEXT_LIMIT + QPCM_RECORD_TRAILER_BYTES,
               "the longest record holds two texts");

#endif
