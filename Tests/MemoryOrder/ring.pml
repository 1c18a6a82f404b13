// One thread records events, the plugin's thread takes them: RingProducer, Recorder and RingConsumer. The ring has room for two
// records, so that both reuse what the other left.
#ifndef COMMIT
#define COMMIT 1        /* RingProducer.commit: releasing */
#endif
#ifndef LOOK
#define LOOK 1          /* RingConsumer.tail: acquiring */
#endif
#ifndef RELEASE
#define RELEASE 1       /* RingConsumer.release: releasing */
#endif
#ifndef CLAIM
#define CLAIM 1         /* RingProducer.claimAfterLook: acquiring */
#endif
#ifndef COUNT
#define COUNT 1         /* Tally.recorded: releasing */
#endif
#ifndef CONTENTS
#define CONTENTS 1      /* Recorder.count, the contents: releasing */
#endif

#define RECORDS 3
#define ROOM 2
#define LOCATIONS 6
#define STORES 8
#define THREADS 2
#define RECORD 0        /* two places of the ring */
#define TAIL 2
#define HEAD 3
#define EVENTS 4        /* the counter of events */
#define SIZES 5         /* a counter of their contents */
#include "views.pml"

#define HOOK 0
#define DRAIN 1

active proctype hook() {
    byte tail, cached_head, content;
    do
    :: tail < RECORDS ->
        // claim
        if
        :: tail + 1 - cached_head <= ROOM
        :: else ->
            load(HOOK, HEAD, cached_head, CLAIM);
            if
            :: tail + 1 - cached_head <= ROOM
            // Full: the event is dropped. Here the hook asks again, or the run would say nothing about the rest.
            :: else -> goto again
            fi
        fi;
        own_load(HOOK, RECORD + tail % ROOM, content);
        assert(content == 0);
        own_store(HOOK, RECORD + tail % ROOM, tail + 1, 0);
        tail++;
        own_store(HOOK, TAIL, tail, COMMIT);
        own_store(HOOK, EVENTS, tail, COUNT);
        own_store(HOOK, SIZES, tail, CONTENTS);
again:  skip
    :: else -> break
    od
}

active proctype drain() {
    byte position, end, content, head, events, sizes;
    do
    :: position < RECORDS ->
        // countTorn: what the counters say and the rings do not hold is torn.
        load(DRAIN, EVENTS, events, 1);
        load(DRAIN, SIZES, sizes, 1);
        load(DRAIN, TAIL, end, LOOK);
        assert(events <= end);
        assert(sizes <= end);
        head = position;
        do
        :: position < end ->
            own_load(DRAIN, RECORD + position % ROOM, content);
            assert(content == position + 1);
            position++
        :: else -> break
        od;
        do
        :: head < position ->
            own_store(DRAIN, RECORD + head % ROOM, 0, 0);
            head++
        :: else -> break
        od;
        if
        :: end > 0 && memory[HEAD].past[memory[HEAD].newest].value < position -> own_store(DRAIN, HEAD, position, RELEASE)
        :: else
        fi
    :: else -> break
    od
}
