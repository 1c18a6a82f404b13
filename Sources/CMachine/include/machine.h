// machine.h: what Swift cannot express: a thread-local without a call, and the CPU's tick counter.
#ifndef QPCM_MACHINE_H
#define QPCM_MACHINE_H

#include <stdint.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/// How a server thread finds its slot: a cache of one entry, valid while `session` is the session number of the plugin state that
/// the hook was called with.
typedef struct qpcm_thread {
    uint64_t session;
    void *slot;             // null: none was available
    uint64_t calls_to_retry;  // counts down to the next search for a free slot
} qpcm_thread;

// initial-exec: one load from the thread pointer, no call to __tls_get_addr. The C library reserves space for such variables of
// libraries that are loaded late; this one takes 24 bytes of it.
extern _Thread_local qpcm_thread qpcm_current_thread __attribute__((tls_model("initial-exec")));

static inline qpcm_thread *qpcm_thread_current(void) { return &qpcm_current_thread; }

/// The CPU's tick counter: x86's time-stamp counter, ARM's virtual counter.
static inline uint64_t qpcm_ticks(void) {
#if defined(__x86_64__)
    return __rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
#error "no tick counter is known for this CPU"
#endif
}

/// UTC, nanoseconds since 1970. Not inline: a hook that uses ticks then needs no stack for the C library's structure.
uint64_t qpcm_realtime_ns(void);

/// Fetches a cache line for writing, ahead of a store. Any address will do, mapped or not.
static inline void qpcm_prefetch_for_write(const void *address) {
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

/// Whether the counter runs at a constant rate, whatever the CPU's clock does, in all power states.
int qpcm_ticks_invariant(void);

#endif
