// latency.c: how long single calls take under a steady load, while drain and checkpoints run.
//
// Two callers make 100,000 evenly spaced calls per second each, busy-waiting between them: a server that is fully awake. Every
// call is timed with the tick counter, including the cost of reading it. The plugin, the C floor and an empty function take
// turns, which shows the machine's own noise (interrupts, other guests) beside ours.
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"
#include "calls.h"
#include "hooks_baseline.h"

enum { CALLERS = 2, STEPS = 64, POWERS = 40 };

/// A histogram with 64 buckets for each power of two, so a figure is within 2 %.
typedef struct histogram {
    uint64_t counts[POWERS * STEPS];
    uint64_t total, most;
} histogram;

static void add(histogram *h, uint64_t value) {
    unsigned power = value < STEPS ? 0 : 64u - (unsigned)__builtin_clzll(value) - 6;
    unsigned at = power * STEPS + (unsigned)(power == 0 ? value : (value >> power));
    h->counts[at < POWERS * STEPS ? at : POWERS * STEPS - 1]++;
    h->total++;
    if (value > h->most) h->most = value;
}

static double at_share(const histogram *h, double share) {
    uint64_t wanted = (uint64_t)(share * (double)h->total), seen = 0;
    for (unsigned at = 0; at < POWERS * STEPS; at++) {
        seen += h->counts[at];
        if (seen > wanted) {
            unsigned power = at / STEPS;
            return (double)(power == 0 ? at : (uint64_t)(at % STEPS) << power) * ns_per_tick();
        }
    }
    return (double)h->most * ns_per_tick();
}

static calls events;
static double per_second = 200000.0 / CALLERS;
static uint64_t slice_ns;
static int mixed_kinds[] = {CALL_MESSAGE, CALL_FETCH, CALL_MESSAGE, CALL_AUTH_OK, CALL_MESSAGE, CALL_CHANNEL, CALL_FETCH,
                            CALL_MESSAGE};

typedef struct caller {
    pthread_t thread;
    qpc_hook_vtable *table;
    histogram *histogram;
    int index;
    long faults;
} caller;

static void *run_caller(void *argument) {
    caller *c = argument;
    uint64_t step = (uint64_t)(1e9 / per_second / ns_per_tick());
    uint64_t due = ticks() + step * (uint64_t)c->index / CALLERS;
    uint64_t end = due + (uint64_t)((double)slice_ns / ns_per_tick());
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    // The thread's first call is measured elsewhere.
    for (unsigned i = 0; i < 16; i++) call(c->table, &events, mixed_kinds[i & 7], i);
    for (unsigned i = 0; due < end; i++, due += step) {
        while (ticks() < due) _mm_pause();
        unsigned ignored;
        uint64_t start = ticks();
        call(c->table, &events, mixed_kinds[i & 7], i);
        add(c->histogram, __rdtscp(&ignored) - start);
    }
    getrusage(RUSAGE_THREAD, &after);
    c->faults += after.ru_minflt + after.ru_majflt - before.ru_minflt - before.ru_majflt;
    return NULL;
}

static int32_t nothing_message(void *u, const qpc_message_event *e) { return (void)u, (void)e, 0; }
static void nothing_auth(void *u, const qpc_auth_event *e) { (void)u, (void)e; }
static void nothing_channel(void *u, const qpc_channel_event *e) { (void)u, (void)e; }
static void nothing_fetch(void *u, const qpc_fetch_event *e) { (void)u, (void)e; }

int main(int argc, char **argv) {
    int quick = is_quick(argc, argv);
    const char *directory = new_directory("latency");
    calls_make(&events);
    qpc_hook_vtable tables[3];
    memset(tables, 0, sizeof tables);
    tables[0] = plugin_start((plugin_settings){directory, NULL, NULL, NULL});
    void *library = dlopen(getenv("BENCH_FLOOR"), RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) die("%s", dlerror());
    floor_init_function floor_init = (floor_init_function)dlsym(library, "floor_init");
    if (floor_init == NULL || floor_init(&tables[1], directory, 8 << 20, 64) != 0) die("the floor does not start");
    tables[2].on_message_enqueue = nothing_message;
    tables[2].on_auth = nothing_auth;
    tables[2].on_channel_created = nothing_channel;
    tables[2].on_fetch = nothing_fetch;
    sleep_ns(500000000);

    // 60 s of ours, a third of that for each of the others.
    int turns = quick ? 2 : 6;
    slice_ns = quick ? 2000000000 : 10000000000;
    static histogram found[3][CALLERS];
    static caller callers[3][CALLERS];
    for (int turn = 0; turn < turns; turn++) {
        for (int side = 0; side < 3; side++) {
            uint64_t whole = slice_ns;
            if (side != 0) slice_ns /= 3;
            for (int i = 0; i < CALLERS; i++) {
                caller *c = &callers[side][i];
                c->table = &tables[side];
                c->histogram = &found[side][i];
                c->index = i;
                pthread_create(&c->thread, NULL, run_caller, c);
            }
            for (int i = 0; i < CALLERS; i++) pthread_join(callers[side][i].thread, NULL);
            slice_ns = whole;
        }
    }
    plugin_stop(&tables[0]);
    tables[1].destroy(tables[1].user_data);
    for (int side = 0; side < 3; side++) {
        for (unsigned at = 0; at < POWERS * STEPS; at++) found[side][0].counts[at] += found[side][1].counts[at];
        found[side][0].total += found[side][1].total;
        if (found[side][1].most > found[side][0].most) found[side][0].most = found[side][1].most;
    }
    histogram *h[3] = {&found[0][0], &found[1][0], &found[2][0]};
    double p999 = at_share(h[0], 0.999);
    report("hook.p999", text("p99.9 of a hook, %d s at 200k calls/s", (int)(slice_ns / 1000000000) * turns),
           text("%.0f ns", p999), text("C: %.0f, empty: %.0f ns", at_share(h[1], 0.999), at_share(h[2], 0.999)),
           p999 / 1000, "us");
    static const struct {
        double share;
        const char *what;
    } others[] = {{0.5, "... p50"}, {0.99, "... p99"}, {0.9999, "... p99.99"}};
    for (int i = 0; i < 3; i++)
        report("info", others[i].what, text("%.0f ns", at_share(h[0], others[i].share)),
               text("C: %.0f, empty: %.0f ns", at_share(h[1], others[i].share), at_share(h[2], others[i].share)),
               at_share(h[0], others[i].share) / 1000, "us");
    double scale = ns_per_tick() / 1000;
    report("info", "... the longest call", text("%.0f us", (double)h[0]->most * scale),
           text("C: %.0f, empty: %.0f us", (double)h[1]->most * scale, (double)h[2]->most * scale),
           (double)h[0]->most * scale, "us");
    report("info", "... page faults of the callers", text("%ld", callers[0][0].faults + callers[0][1].faults),
           text("C: %ld, empty: %ld", callers[1][0].faults + callers[1][1].faults,
                callers[2][0].faults + callers[2][1].faults),
           (double)(callers[0][0].faults + callers[0][1].faults), "");
    int64_t dropped = log_integer(directory, "SELECT ifnull(sum(ringed + direct), 0) FROM counter WHERE name LIKE 'dropped.%'");
    report("latency.dropped", "... events dropped", text("%lld", (long long)dropped), "", (double)dropped, "");
    return 0;
}
