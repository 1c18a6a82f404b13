// bench.h: what every benchmark program shares: clocks, medians, the plugin loaded as the server loads it, and the
// line by which a figure reaches scripts/bench.
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

/// Sorts `values`; the value below which the share `part` of them lies.
double quantile(double *values, size_t count, double part);
static inline double median(double *values, size_t count) { return quantile(values, count, 0.5); }

/// The median of ours over theirs, pair by pair: what slows both, as another guest of the machine does, falls out.
/// To be taken before the medians, which sort.
double median_ratio(const double *ours, const double *theirs, size_t count);

/// One row of the table: `value` is the number that thresholds.txt speaks of. Empty text for no baseline.
void report(const char *name, const char *what, const char *ours, const char *baseline, double value,
            const char *unit);
/// "8.41 ns" and the like; the text lives until 16 calls later.
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Prints a line on standard error and ends the program with status 2: a benchmark that cannot measure.
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/// A fresh directory under BENCH_DIR, TMPDIR or /tmp, with a name of its own; removed when the program ends.
const char *new_directory(const char *name);
void remove_tree(const char *path);

/// Settings by which the plugin and its baselines are set up; null leaves the plugin's default.
typedef struct plugin_settings {
    const char *directory;
    const char *ring_size;
    const char *flush_interval;
    const char *retention;
} plugin_settings;

/// Loads the library named by BENCH_PLUGIN (once) and makes an instance; ends the program when that fails.
qpc_hook_vtable plugin_start(plugin_settings settings);
void plugin_stop(qpc_hook_vtable *table);
/// How long dlopen took, the first time.
uint64_t plugin_load_ns(void);

/// A whole number from a log made by the plugin, opened beside it as any reader would.
int64_t log_integer(const char *directory, const char *sql);

/// Whether --quick was given; and the value after an option, or the fallback.
int is_quick(int argc, char **argv);

/// xorshift*, seeded; the same on every machine.
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
