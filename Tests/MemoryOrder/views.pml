// C11's releases and acquires, as views: what a weakly ordered processor may do with them.
//
// A location keeps every value that was ever stored, in order. A thread has a view: for each location, the newest store that it must
// have seen. A load returns any store from there on, so two loads may be answered out of order, and a store by one thread may reach
// another late. A releasing store carries its thread's view; an acquiring load that reads it takes that view over. Everything
// else carries nothing. That allows more than Armv8 does with STLR and LDAR, so what holds here holds there.
//
// Plain memory, and words that only their owner may touch, are accessed by `own_…`: an access by a thread that need not have seen the
// newest store is a data race, and fails.

typedef Store { byte value; byte view[LOCATIONS] }
typedef Location { Store past[STORES]; byte newest }
typedef Thread { byte view[LOCATIONS] }

Location memory[LOCATIONS];
Thread thread[THREADS];
hidden byte index_;

inline take_view(t, l, s) {
    index_ = 0;
    do
    :: index_ < LOCATIONS ->
        if
        :: memory[l].past[s].view[index_] > thread[t].view[index_] -> thread[t].view[index_] = memory[l].past[s].view[index_]
        :: else
        fi;
        index_++
    :: else -> break
    od
}

// ORDER: 0 relaxed, 1 releasing. Also moves the thread's own view past its store.
inline store(t, l, v, order) {
    d_step {
        assert(memory[l].newest + 1 < STORES);
        memory[l].newest++;
        memory[l].past[memory[l].newest].value = v;
        thread[t].view[l] = memory[l].newest;
        index_ = 0;
        do
        :: index_ < LOCATIONS ->
            memory[l].past[memory[l].newest].view[index_] = (order -> thread[t].view[index_] : 0);
            index_++
        :: else -> break
        od;
        memory[l].past[memory[l].newest].view[l] = memory[l].newest
    }
}

// ORDER: 0 relaxed, 1 acquiring.
inline load(t, l, result, order) {
    atomic {
        do
        :: thread[t].view[l] < memory[l].newest -> thread[t].view[l]++
        :: break
        od;
        result = memory[l].past[thread[t].view[l]].value;
        if
        :: order -> take_view(t, l, thread[t].view[l])
        :: else
        fi
    }
}

// An atomic change always reads the newest store. ORDER: 0 relaxed, 1 acquiring and releasing. CHANGED says whether it was EXPECTED.
inline exchange(t, l, expected, desired, changed, order) {
    atomic {
        changed = (memory[l].past[memory[l].newest].value == expected);
        thread[t].view[l] = memory[l].newest;
        if
        :: order -> take_view(t, l, memory[l].newest)
        :: else
        fi;
        if
        :: changed -> store(t, l, desired, order)
        :: else
        fi
    }
}

inline fetch_add(t, l, amount, result, order) {
    atomic {
        thread[t].view[l] = memory[l].newest;
        if
        :: order -> take_view(t, l, memory[l].newest)
        :: else
        fi;
        result = memory[l].past[memory[l].newest].value;
        store(t, l, result + amount, order)
    }
}

inline own_load(t, l, result) {
    d_step { assert(thread[t].view[l] == memory[l].newest); result = memory[l].past[memory[l].newest].value }
}

inline own_store(t, l, v, order) {
    atomic { assert(thread[t].view[l] == memory[l].newest); store(t, l, v, order) }
}
