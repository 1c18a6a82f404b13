// The live file's memory is detached from its file while threads make slots: LiveFile.detach and makeSlot. A thread that was given
// its index before the reservations were counted may go on with the file, as its slot is moved with all that is in it; any later one
// must find memory laid where its slot is, or no room. A slot in the file that is not moved would end the server by SIGBUS.
#ifndef COUNT
#define COUNT 1         /* detach, the reservations: acquiring and releasing */
#endif
#ifndef RESERVE
#define RESERVE 1       /* makeSlot, the reservation: the same */
#endif
#ifndef ROOM
#define ROOM 1          /* detach, the limit afterwards: releasing */
#endif
#ifndef SEE_ROOM
#define SEE_ROOM 1      /* makeSlot, the limit: acquiring */
#endif

#define LOCATIONS 6
#define STORES 12
#define THREADS 3
#define RESERVED 0
#define LIMIT 1
#define DETACHED 2
#define GROUND 3        /* below three slots: 0 the file, 1 memory, 2 a slot in that memory. Plain memory */
#include "views.pml"

#define DRAIN 2
#define MOST 3
#define NOT_YET 255

byte counted = NOT_YET;
byte in_file[2] = NOT_YET;

inline undo(me, index, changed) { exchange(me, RESERVED, index + 1, index, changed, 1) }

proctype server_thread(byte me) {
    byte index, limit, detached, ground, made;
    bool changed;
    do
    :: made < 2 ->
        made++;
        fetch_add(me, RESERVED, 1, index, RESERVE);
        load(me, DETACHED, detached, 1);
        load(me, LIMIT, limit, SEE_ROOM);
        if
        :: index >= limit -> undo(me, index, changed)
        :: index < limit && !detached ->
            if
            :: atomic { in_file[me] = index; assert(counted == NOT_YET || index < counted) }
            :: undo(me, index, changed)     // the file system has died
            fi
        :: index < limit && detached ->
            assert(counted != NOT_YET);
            if
            :: index < counted              // moved
            :: index >= counted ->
                own_load(me, GROUND + index, ground);
                assert(ground == 1);
                own_store(me, GROUND + index, 2, 0)
            fi
        fi
    :: else -> break
    od
}

init {
    byte reserved, index;
    d_step {
        store(DRAIN, LIMIT, MOST, 1);
        thread[0].view[LIMIT] = memory[LIMIT].newest;
        thread[1].view[LIMIT] = memory[LIMIT].newest
    }
    atomic { run server_thread(0); run server_thread(1) }
    store(DRAIN, LIMIT, 0, 1);
    store(DRAIN, DETACHED, 1, 1);
    atomic {
        fetch_add(DRAIN, RESERVED, 0, reserved, COUNT);
        counted = reserved;
        assert(in_file[0] == NOT_YET || in_file[0] < counted);
        assert(in_file[1] == NOT_YET || in_file[1] < counted)
    }
    index = reserved;
    do
    :: index < MOST -> own_store(DRAIN, GROUND + index, 1, 0); index++
    :: else -> break
    od;
    store(DRAIN, LIMIT, MOST, ROOM)
}
