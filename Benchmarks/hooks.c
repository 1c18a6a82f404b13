// hooks.c: what a hook costs its caller, against the same work in C (hooks_baseline.c), spdlog and SQLite.
//
// Fairness: the plugin and the floor are both shared libraries, called through the same table type with the same events, with
// rings of the same size in files in the same directory, faulted in. A round stays under an eighth of a ring, so neither side's
// consumer empties it on its own; then on_shutdown empties the ring, on both sides in another thread, which wipes what it
// consumed. Rounds alternate, as does the side that goes first.
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "calls.h"
#include "hooks_baseline.h"
#ifndef NO_SPDLOG
#include "spdlog_baseline.h"
#else
static void spdlog_open(const char *path, size_t queue) { (void)path, (void)queue; }
static void spdlog_write(const void *record, size_t bytes) { (void)record, (void)bytes; }
static void spdlog_drain(void) {}
static void spdlog_close(void) {}
#endif
#include "sqlite_baseline.h"

enum { ROUNDS_MOST = 401 };
static calls events;
static qpc_hook_vtable ours, base;
static unsigned ring_bytes = 8u << 20;
static int rounds;

static double one_round(qpc_hook_vtable *table, int kind, unsigned count) {
    call_many(table, &events, kind, count / 16 + 1);  // wakes the core and warms the code
    uint64_t spent = call_many(table, &events, kind, count);
    return (double)spent * ns_per_tick() / count;
}

static unsigned calls_that_fit(int kind) { return ring_bytes / 8 * 7 / 8 / call_bytes(kind) * 16 / 17; }

static double figures[2][ROUNDS_MOST];

static double measure(int kind, double *ours_ns, double *base_ns) {
    unsigned count = calls_that_fit(kind);
    for (int round = 0; round < rounds; round++) {
        for (int turn = 0; turn < 2; turn++) {
            int side = (round + turn) & 1;
            qpc_hook_vtable *table = side == 0 ? &ours : &base;
            figures[side][round] = one_round(table, kind, count);
            table->on_shutdown(table->user_data);
        }
    }
    double ratio = median_ratio(figures[0], figures[1], (size_t)rounds);
    *ours_ns = median(figures[0], (size_t)rounds);
    *base_ns = median(figures[1], (size_t)rounds);
    return ratio;
}

static void one_thread(void) {
    static const struct {
        int kind;
        const char *name, *what;
        } cases[] = {
        {CALL_MESSAGE, "hook.message", "message hook against C"},
        {CALL_BATCH_1, "hook.batch1", "batch hook, 1 message, against C"},
        {CALL_BATCH_10, "hook.batch10", "batch hook, 10 messages, against C"},
        {CALL_BATCH_100, "hook.batch100", "batch hook, 100 messages, against C"},
        {CALL_AUTH_OK, "hook.auth", "auth hook, success, against C"},
        {CALL_AUTH_FAILED, "hook.auth_failed", "auth hook, failure, against C"},
        {CALL_CHANNEL, "hook.channel", "channel hook against C"},
        {CALL_FETCH, "hook.fetch", "fetch hook against C"},
        {CALL_REGISTERED, "hook.registered", "registered hook against C"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double a, b, ratio = measure(cases[i].kind, &a, &b);
        report(cases[i].name, cases[i].what, text("%.2f ns", a), text("%.2f ns", b), ratio, "x");
    }
}

// MARK: Two threads

typedef struct worker {
    pthread_t thread;
    int cpu;
    _Atomic int go;    // 0 wait, 1 run, 2 end
    _Atomic int ready;
    qpc_hook_vtable *table;
    double ns;
    struct worker *partner;  // null when alone
} worker;

static void *work(void *argument) {
    worker *w = argument;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(w->cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    for (;;) {
        int go;
        while ((go = atomic_load(&w->go)) == 0) sleep_ns(50000);
        if (go == 2) return NULL;
        unsigned count = calls_that_fit(CALL_FETCH);
        worker *partner = w->partner;
        atomic_store(&w->ready, 1);
        if (partner != NULL)
            while (atomic_load(&partner->ready) == 0) _mm_pause();
        w->ns = one_round(w->table, CALL_FETCH, count);
        atomic_store(&w->go, 0);
    }
}

static void run_workers(worker *w, int first, int last, qpc_hook_vtable *table) {
    for (int i = first; i <= last; i++) {
        w[i].table = table;
        w[i].partner = first == last ? NULL : &w[1 - i];
        atomic_store(&w[i].ready, 0);
    }
    for (int i = first; i <= last; i++) atomic_store(&w[i].go, 1);
    for (int i = first; i <= last; i++)
        while (atomic_load(&w[i].go) != 0) sleep_ns(20000);
    table->on_shutdown(table->user_data);
}

static void two_threads(void) {
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        fprintf(stderr, "bench: two threads: skipped, the machine has one CPU\n");
        return;
    }
    static worker w[2];
    static double one[2][ROUNDS_MOST * 2], two[2][ROUNDS_MOST * 2];
    for (int i = 0; i < 2; i++) {
        w[i].cpu = i;
        pthread_create(&w[i].thread, NULL, work, &w[i]);
    }
    size_t n = 0;
    for (int round = 0; round < rounds; round++) {
        for (int turn = 0; turn < 2; turn++) {
            int side = (round + turn) & 1;
            qpc_hook_vtable *table = side == 0 ? &ours : &base;
            for (int i = 0; i < 2; i++) {
                run_workers(w, i, i, table);
                one[side][n + (size_t)i] = w[i].ns;
            }
            run_workers(w, 0, 1, table);
            two[side][n] = w[0].ns;
            two[side][n + 1] = w[1].ns;
        }
        n += 2;
    }
    for (int i = 0; i < 2; i++) {
        atomic_store(&w[i].go, 2);
        pthread_join(w[i].thread, NULL);
    }
    double ratio = median_ratio(two[0], one[0], n);
    double ours_one = median(one[0], n), ours_two = median(two[0], n);
    double base_one = median(one[1], n), base_two = median(two[1], n);
    report("hook.two_threads", "fetch hook, two threads against one",
           text("%.2f / %.2f ns", ours_two, ours_one), text("C: %.2f / %.2f ns", base_two, base_one),
           ratio, "x");
}

// MARK: Others

static void others(const char *directory) {
    static double fetch[ROUNDS_MOST], spd[ROUNDS_MOST], autocommit[ROUNDS_MOST], open[ROUNDS_MOST];
    char path[512];
    snprintf(path, sizeof path, "%s/spdlog.log", directory);
    unsigned count = calls_that_fit(CALL_FETCH);
    spdlog_open(path, 2 * count);
    snprintf(path, sizeof path, "%s/baseline.db", directory);
    sqlite_log_open(path);
    double per_tick = ns_per_tick();
    int n = rounds < 41 ? rounds : 41;
    struct {
        uint64_t time, count;
        uint8_t recipient[32], channel[16];
    } record;
    for (int round = 0; round < n; round++) {
        fetch[round] = one_round(&ours, CALL_FETCH, count);
        ours.on_shutdown(ours.user_data);

        uint64_t start = ticks();
        for (unsigned i = 0; i < count; i++) {
            const qpc_fetch_event *e = &events.fetches[i % CALL_EVENTS];
            record.time = ticks();
            record.count = e->message_count;
            memcpy(record.recipient, e->recipient_key, 32);
            memcpy(record.channel, e->channel_id, 16);
            spdlog_write(&record, sizeof record);
        }
        spd[round] = (double)(ticks() - start) * per_tick / count;
        spdlog_drain();

        start = ticks();
        for (unsigned i = 0; i < 200; i++) sqlite_log_fetch(&events.fetches[i % CALL_EVENTS]);
        autocommit[round] = (double)(ticks() - start) * per_tick / 200;

        sqlite_log_begin();
        start = ticks();
        for (unsigned i = 0; i < count; i++) sqlite_log_fetch(&events.fetches[i % CALL_EVENTS]);
        open[round] = (double)(ticks() - start) * per_tick / count;
        sqlite_log_commit();
    }
    double by_spdlog = median_ratio(spd, fetch, (size_t)n), by_autocommit = median_ratio(autocommit, fetch, (size_t)n),
           by_transaction = median_ratio(open, fetch, (size_t)n);
    double a = median(fetch, (size_t)n), s = median(spd, (size_t)n), c = median(autocommit, (size_t)n),
           t = median(open, (size_t)n);
    spdlog_close();
    sqlite_log_close();
#ifndef NO_SPDLOG
    report("hook.spdlog", "fetch hook, times faster than spdlog async", text("%.2f ns", a), text("%.0f ns", s), by_spdlog, "x");
#endif
    report("hook.autocommit", "... than mutex + INSERT, autocommit", text("%.2f ns", a), text("%.0f ns", c), by_autocommit, "x");
    report("hook.transaction", "... than mutex + INSERT, in a transaction", text("%.2f ns", a), text("%.0f ns", t),
           by_transaction, "x");
}

int main(int argc, char **argv) {
    rounds = is_quick(argc, argv) ? 41 : 151;
    const char *only = argc > 1 && argv[1][0] != '-' ? argv[1] : "all";
    int all = strcmp(only, "all") == 0;
    const char *directory = new_directory("hooks");
    calls_make(&events);
    if (getenv("BENCH_RING") != NULL) ring_bytes = (unsigned)atoi(getenv("BENCH_RING"));
    ours = plugin_start((plugin_settings){directory, text("%u", ring_bytes), "1h", NULL});
    void *library = dlopen(getenv("BENCH_FLOOR"), RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) die("%s", dlerror());
    floor_init_function floor_init = (floor_init_function)dlsym(library, "floor_init");
    if (floor_init == NULL || floor_init(&base, directory, ring_bytes, 8) != 0) die("the floor does not start");
    sleep_ns(300000000);  // until the plugin's thread has faulted its rings in
    if (all || strcmp(only, "one") == 0) one_thread();
    if (all || strcmp(only, "two") == 0) two_threads();
    if (all || strcmp(only, "others") == 0) others(directory);
    plugin_stop(&ours);
    plugin_stop(&base);
    return 0;
}
