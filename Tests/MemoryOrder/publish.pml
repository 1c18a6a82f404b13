// The live file is made and grows while others read it: LiveFile.init, makeSlot, LiveMap.slotsReady and isAbsent, and
// LiveFileReader.check. Two threads make a slot each; the one with the higher index may be done first, and leaves a hole.
#ifndef MAGIC_ORDER
#define MAGIC_ORDER 1   /* LiveFile.init, the magic: releasing */
#endif
#ifndef SEE_MAGIC
#define SEE_MAGIC 1     /* LiveFileReader.check: acquiring */
#endif
#ifndef OPEN
#define OPEN 1          /* LiveFile.open(slot:), the state: releasing */
#endif
#ifndef SEE_STATE
#define SEE_STATE 1     /* LiveMap.isAbsent: acquiring */
#endif

#define LOCATIONS 8
#define STORES 6
#define THREADS 4
#define MAGIC 0
#define HEADER 1        /* plain memory */
#define RESERVED 2
#define READY 3
#define STATE 4         /* of two slots: 0 absent */
#define MASK 6          /* of two slots, plain memory */
#include "views.pml"

#define READER 3

bool made;

proctype server_thread(byte me) {
    byte index, ready;
    bool changed;
    fetch_add(me, RESERVED, 1, index, 1);
    own_store(me, MASK + index, 7, 0);
    store(me, STATE + index, 1, OPEN);
    load(me, READY, ready, 0);
    do
    :: ready < index + 1 ->
        exchange(me, READY, ready, index + 1, changed, 1);
        if
        :: changed -> break
        :: else -> load(me, READY, ready, 0)
        fi
    :: else -> break
    od
}

proctype reader() {
    byte magic, header, ready, state, mask, index;
    load(READER, MAGIC, magic, SEE_MAGIC);
    if
    :: magic == 1 ->
        own_load(READER, HEADER, header);
        assert(header == 1);
        load(READER, READY, ready, 1);
        do
        :: index < ready ->
            load(READER, STATE + index, state, SEE_STATE);
            if
            :: state != 0 ->
                own_load(READER, MASK + index, mask);
                assert(mask == 7)
            :: else
            fi;
            index++
        :: else -> break
        od
    :: else
    fi
}

init {
    atomic { run reader() }
    own_store(2, HEADER, 1, 0);
    store(2, MAGIC, 1, MAGIC_ORDER);
    // Init has returned before the server's threads call hooks: starting them, or what the server does instead, is a release.
    d_step {
        thread[0].view[HEADER] = memory[HEADER].newest; thread[0].view[MAGIC] = memory[MAGIC].newest;
        thread[1].view[HEADER] = memory[HEADER].newest; thread[1].view[MAGIC] = memory[MAGIC].newest
    }
    atomic { run server_thread(0); run server_thread(1) }
}
