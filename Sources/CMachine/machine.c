#define _GNU_SOURCE
#include "system.h"

#include "machine.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

_Thread_local qpcm_thread qpcm_current_thread;

uint64_t qpcm_realtime_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int qpcm_ticks_invariant(void) {
#if defined(__x86_64__)
    unsigned int a, b, c, d;
    // Advanced power management, leaf 8000_0007h: EDX bit 8 is "invariant TSC" (AMD64 manual vol. 3, Intel SDM vol. 3).
    if (!__get_cpuid(0x80000007u, &a, &b, &c, &d)) return 0;
    return (d >> 8) & 1;
#else
    return 1;  // Arm's generic timer has one rate by definition.
#endif
}

void qpcm_condition_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void qpcm_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t nanoseconds) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t sum = (uint64_t)until.tv_nsec + nanoseconds;
    until.tv_sec += (time_t)(sum / 1000000000u);
    until.tv_nsec = (long)(sum % 1000000000u);
    pthread_cond_timedwait(condition, mutex, &until);
}

void qpcm_name_thread(pthread_t thread, const char *name) { pthread_setname_np(thread, name); }
