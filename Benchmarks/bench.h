// bench.h: what the benchmark programs share: clocks, medians, loading the plugin as the server does, and the line that passes
// a figure to scripts/bench.
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <x86intrin.h>

#include "plugin_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Monotonic nanoseconds.
uint64_t now_ns(void);
static inline uint64_t ticks(void) { return __rdtsc(); }
/// Measured once, against the monotonic clock.
double ns_per_tick(void);
void sleep_ns(uint64_t nanoseconds);

/// Sorts `values`, and returns the value below which the share `part` of them lies.
double quantile(double *values, size_t count, double part);
static inline double median(double *values, size_t count) { return quantile(values, count, 0.5); }

/// The median of ours divided by theirs, round by round, so that anything that slows down both, such as another guest on the
/// machine, cancels out. Call it before `median`, which sorts.
double median_ratio(const double *ours, const double *theirs, size_t count);

/// Prints one row of the table. `value` is compared with thresholds.txt. An empty baseline means that there is none.
void report(const char *name, const char *what, const char *ours, const char *baseline, double value,
            const char *unit);
/// A formatted text such as "8.41 ns", valid for the next 16 calls.
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Prints a line on standard error and exits with 2: the benchmark cannot measure.
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/// A new directory with a unique name under BENCH_DIR, TMPDIR or /tmp; removed when the program ends.
const char *new_directory(const char *name);
void remove_tree(const char *path);

/// Settings of the plugin and its baselines; null is the plugin's default.
typedef struct plugin_settings {
    const char *directory;
    const char *ring_size;
    const char *flush_interval;
    const char *retention;
} plugin_settings;

/// Loads the library named by BENCH_PLUGIN (once) and starts an instance; exits if that fails.
qpc_hook_vtable plugin_start(plugin_settings settings);
void plugin_stop(qpc_hook_vtable *table);
/// How long dlopen took, the first time.
uint64_t plugin_load_ns(void);

/// An integer from the plugin's log, opened alongside the plugin as any reader would.
int64_t log_integer(const char *directory, const char *sql);

/// Whether --quick was given.
int is_quick(int argc, char **argv);

/// Seeded xorshift*, the same on every machine.
static inline uint64_t next_random(uint64_t *state) {
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545F4914F6CDD1Dull;
}

#ifdef __cplusplus
}
#endif
#endif
