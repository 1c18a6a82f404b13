// Threads that come and go use one slot in turn: LiveFile.takeFreeSlot and giveBack. What one owner leaves in words that only the
// owner touches, the next one finds.
#ifndef GIVE
#define GIVE 1          /* giveBack: releasing */
#endif
#ifndef TAKE
#define TAKE 1          /* takeFreeSlot's exchange: acquiring and releasing */
#endif

#define LOCATIONS 4
#define STORES 16
#define THREADS 3
#define STATE 0         /* 0 free, 1 owned */
#define TAIL 1
#define CACHED_HEAD 2   /* plain memory */
#define COUNTER 3       /* a load and a store, by the owner */
#include "views.pml"

byte ended, uses;

proctype server_thread(byte me) {
    byte state, tail, cached, count;
    bool taken;
    byte tries;
    do
    :: tries < 2 ->
        tries++;
        load(me, STATE, state, 0);
        if
        :: state == 0 ->
            exchange(me, STATE, 0, 1, taken, TAKE);
            if
            :: taken ->
                own_load(me, TAIL, tail);
                own_load(me, CACHED_HEAD, cached);
                own_load(me, COUNTER, count);
                assert(tail == uses && cached == uses && count == uses);
                uses++;
                own_store(me, CACHED_HEAD, cached + 1, 0);
                own_store(me, TAIL, tail + 1, 1);
                own_store(me, COUNTER, count + 1, 0);
                store(me, STATE, 0, GIVE)
            :: else
            fi
        :: else
        fi
    :: else -> break
    od;
    ended++
}

init {
    atomic { run server_thread(0); run server_thread(1); run server_thread(2) }
    ended == 3;
    // No count was lost.
    assert(memory[COUNTER].past[memory[COUNTER].newest].value == uses)
}
