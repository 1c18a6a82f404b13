// life.c: the plugin's life around its hooks. Each part is a process, named by the first argument:
//
//   first_call   what a thread's first call costs
//   burst        one second of 300,000 events/s on two threads after idling, with default settings
//   idle         what an idle plugin costs its host
//   make DIR N   makes a log of N events in DIR, for start
//   start DIR    load and init on that log, and on_shutdown with nothing pending
//   command BIN DIR  the whole process of `qpc-metrics prometheus` on that log
//   quiet        steady calls between two marker system calls; counts allocations and locks
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "traffic.h"

static int quick;
static calls events;

// MARK: First calls

typedef struct newcomer {
    pthread_t thread;
    qpc_hook_vtable *table;
    uint64_t spent;
    _Atomic int stay;
} newcomer;

static void *come(void *argument) {
    newcomer *n = argument;
    uint64_t start = ticks();
    call(n->table, &events, CALL_FETCH, 0);
    n->spent = ticks() - start;
    while (atomic_load(&n->stay)) sleep_ns(1000000);
    return NULL;
}

static void first_call(void) {
    qpc_hook_vtable table = plugin_start((plugin_settings){new_directory("first"), NULL, NULL, NULL});
    sleep_ns(500000000);
    enum { STAYING = 24, PASSING = 400 };
    static newcomer all[PASSING];
    static double ns[PASSING], stay_ns[STAYING];
    // Threads that start, call and end: each takes a slot that another gave back.
    for (int i = 0; i < PASSING; i++) {
        all[i].table = &table;
        pthread_create(&all[i].thread, NULL, come, &all[i]);
        pthread_join(all[i].thread, NULL);
        ns[i] = (double)all[i].spent * ns_per_tick();
    }
    // Threads that stay: each takes a slot that was prepared ahead.
    static newcomer staying[STAYING];
    for (int i = 0; i < STAYING; i++) {
        staying[i].table = &table;
        atomic_store(&staying[i].stay, 1);
        pthread_create(&staying[i].thread, NULL, come, &staying[i]);
        sleep_ns(100000000);
    }
    for (int i = 0; i < STAYING; i++) {
        atomic_store(&staying[i].stay, 0);
        pthread_join(staying[i].thread, NULL);
        stay_ns[i] = (double)staying[i].spent * ns_per_tick();
    }
    plugin_stop(&table);
    double passing = median(ns, PASSING) / 1000, stay = median(stay_ns, STAYING) / 1000;
    report("first.passing", "first call of a thread, slot given back",
           text("%.2f us (p99 %.1f, max %.1f)", passing, quantile(ns, PASSING, 0.99) / 1000, ns[PASSING - 1] / 1000), "",
           passing, "us");
    report("first.staying", "first call of a thread, slot made ahead",
           text("%.2f us (max %.1f)", stay, stay_ns[STAYING - 1] / 1000), "", stay, "us");
    double slowest = stay_ns[STAYING - 1] > ns[PASSING - 1] ? stay_ns[STAYING - 1] : ns[PASSING - 1];
    report("info", "... the slowest of all", text("%.1f us", slowest / 1000), "", 0, "us");
}

// MARK: Burst

static people *crowd;
static qpc_hook_vtable burst_table;
enum { BURST_EACH = 150000 };

static int burst_is_busy;

static void *burst_caller(void *argument) {
    const event *all = argument;
    double step = 1e9 / BURST_EACH / ns_per_tick();
    uint64_t start = ticks();
    for (size_t at = 0; at < BURST_EACH;) {
        uint64_t due = start + (uint64_t)(step * (double)at);
        while (ticks() < due) {
            if (burst_is_busy) _mm_pause();
            else sleep_ns(100000);
        }
        at += traffic_call(&burst_table, crowd, all + at, at);
    }
    return NULL;
}

static void burst_once(const char *name, const char *what) {
    const char *directory = new_directory("burst");
    burst_table = plugin_start((plugin_settings){directory, NULL, NULL, NULL});
    sleep_ns(2000000000);
    event *halves[2] = {traffic_make(BURST_EACH, EVENT_MIXED, 5), traffic_make(BURST_EACH, EVENT_MIXED, 6)};
    pthread_t threads[2];
    uint64_t start = now_ns();
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, burst_caller, halves[i]);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    double seconds = (double)(now_ns() - start) / 1e9;
    plugin_stop(&burst_table);
    for (int i = 0; i < 2; i++) free(halves[i]);
    int64_t dropped = log_integer(directory, "SELECT ifnull(sum(ringed + direct), 0) FROM counter WHERE name LIKE 'dropped.%'");
    int64_t rows = log_integer(directory, "SELECT sum(ringed) FROM counter WHERE name LIKE 'written.%'");
    report(name, text("%s: %d events in %.2f s, dropped", what, 2 * BURST_EACH, seconds), text("%lld", (long long)dropped),
           text("%lld logged", (long long)rows), (double)dropped, "");
}

/// Every name is new to the log: the drain's worst case.
static void burst(void) {
    crowd = people_make();
    burst_once("burst.dropped", "burst, 2 threads");
    burst_is_busy = 1;
    burst_once("burst.busy", "... threads that leave no processor idle");
}

// MARK: Idle

/// KiB of "Rss:" over the mappings whose name contains `part`; over all of them for null.
static long resident_kib(const char *part) {
    FILE *file = fopen("/proc/self/smaps", "r");
    if (file == NULL) die("cannot read smaps");
    char line[1024];
    long sum = 0, kib;
    int counts = 0;
    while (fgets(line, sizeof line, file)) {
        if (strchr(line, '-') && strchr(line, ':') && strstr(line, " r") + 0 != NULL && line[0] != 'V' && line[0] != 'R')
            counts = part == NULL || strstr(line, part) != NULL;
        if (counts && sscanf(line, "Rss: %ld kB", &kib) == 1) sum += kib;
    }
    fclose(file);
    return sum;
}

static double cpu_seconds(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)use.ru_utime.tv_sec + (double)use.ru_stime.tv_sec +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void idle(void) {
    const char *directory = new_directory("idle");
    resident_kib(NULL);  // so that the cost of reading is in the first figure too
    long before = resident_kib(NULL);
    qpc_hook_vtable table = plugin_start((plugin_settings){directory, NULL, NULL, NULL});
    sleep_ns(1000000000);
    long rings = resident_kib("live.qpcm");
    double mib = (double)(resident_kib(NULL) - rings - before) / 1024;
    double seconds = quick ? 5 : 20, cpu = cpu_seconds();
    sleep_ns((uint64_t)(seconds * 1e9));
    double share = (cpu_seconds() - cpu) / seconds * 100;
    report("idle.cpu", text("idle plugin, %.0f s: of a core", seconds), text("%.3f %%", share), "", share, "%");
    report("idle.rss", "idle plugin: resident beyond its rings", text("%.1f MiB", mib),
           text("rings %.0f MiB", (double)rings / 1024), mib, "MiB");
    // Traffic touches the name caches and SQLite's pages.
    crowd = people_make();
    event *all = traffic_make(300000, EVENT_MIXED, 9);
    long with_traffic = resident_kib(NULL) - resident_kib("live.qpcm");
    for (size_t at = 0; at < 300000;) {
        at += traffic_call(&table, crowd, all + at, at);
        if (at % 1000 < 4) sleep_ns(2000000);
    }
    table.on_shutdown(table.user_data);
    double grown = mib + (double)(resident_kib(NULL) - resident_kib("live.qpcm") - with_traffic) / 1024;
    report("idle.rss_after", "... after 300,000 events", text("%.1f MiB", grown), "", grown, "MiB");
    plugin_stop(&table);
}

// MARK: Start

static void execute(sqlite3 *db, const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) die("%s: %s", sql, message);
}

/// Writes rows straight into the log that the plugin made, with names referenced by number: fast, and the same on every machine.
static void make_log(const char *directory, const char *count) {
    mkdir(directory, 0750);
    qpc_hook_vtable table = plugin_start((plugin_settings){directory, NULL, NULL, "off"});
    plugin_stop(&table);
    char path[512];
    snprintf(path, sizeof path, "%s/events.db", directory);
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK) die("cannot open %s", path);
    execute(db, "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 20000; BEGIN");
    execute(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
                " INSERT INTO identity_name (id, value, last_seen) SELECT i, randomblob(16), 2939000 + i % 4320 FROM n");
    execute(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
                " INSERT INTO channel_name (id, value) SELECT i, randomblob(16) FROM n");
    execute(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
                " INSERT INTO user_name (id, value) SELECT i, randomblob(16) FROM n");
    char sql[768];
    static const struct {
        const char *from, *columns;
        int first, last;
    } parts[] = {
        {"message", "i, 1763400000000000 + i * 20000, 1 + i % 99991, 1 + i % 99989, 1 + i % 99971, 100 + i % 4000, i", 0, 59},
        {"fetch", "i, 1763400000000000 + i * 20000, 1 + i % 99991, 1 + i % 99989, i % 20", 60, 84},
        {"auth", "i, 1763400000000000 + i * 20000, 1 + i % 99991, 1, NULL", 85, 99},
    };
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        // Every hundred ids contain all kinds, so that each table's ids span the whole log.
        snprintf(sql, sizeof sql,
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)"
                 " INSERT INTO %s SELECT %s FROM n WHERE i %% 100 BETWEEN %d AND %d",
                 count, parts[p].from, parts[p].columns, parts[p].first, parts[p].last);
        execute(db, sql);
    }
    snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO state VALUES ('last_id', %s);"
             " DELETE FROM state WHERE key = 'account_check'; COMMIT;"
             " PRAGMA wal_checkpoint(TRUNCATE)", count);
    execute(db, sql);
    sqlite3_close(db);
}

static void start(const char *directory) {
    enum { TURNS = 9 };
    double init_ms[TURNS], at_once_ms[TURNS], idle_ms[TURNS], load_ms = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        uint64_t begin = now_ns();
        qpc_hook_vtable table = plugin_start((plugin_settings){directory, NULL, NULL, "off"});
        init_ms[turn] = (double)(now_ns() - begin) / 1e6;
        if (turn == 0) load_ms = (double)plugin_load_ns() / 1e6;
        begin = now_ns();
        table.on_shutdown(table.user_data);
        at_once_ms[turn] = (double)(now_ns() - begin) / 1e6;
        sleep_ns(300000000);
        begin = now_ns();
        table.on_shutdown(table.user_data);
        idle_ms[turn] = (double)(now_ns() - begin) / 1e6;
        table.destroy(table.user_data);
    }
    double first = init_ms[0];
    double init = median(init_ms, TURNS), at_once = median(at_once_ms, TURNS), later = median(idle_ms, TURNS);
    report("start.init", "init on a log of 10M events", text("%.2f ms (max %.1f)", init, init_ms[TURNS - 1]), "", init, "ms");
    report("start.load", "load and init, the process's first", text("%.2f ms (load %.2f)", first, load_ms), "", first, "ms");
    report("stop.nothing", "on_shutdown, nothing pending", text("%.2f ms (max %.1f)", later, idle_ms[TURNS - 1]), "", later,
           "ms");
    report("stop.at_once", "... right after init", text("%.2f ms (max %.1f)", at_once, at_once_ms[TURNS - 1]), "", at_once, "ms");
}

// MARK: The command

static void command(char *binary, char *directory) {
    enum { TURNS = 21 };
    double ms[TURNS];
    for (int turn = 0; turn < TURNS; turn++) {
        uint64_t begin = now_ns();
        pid_t child = fork();
        if (child == 0) {
            int nowhere = open("/dev/null", O_WRONLY);
            dup2(nowhere, 1);
            execl(binary, binary, "prometheus", "--dir", directory, (char *)NULL);
            _exit(127);
        }
        int status;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) die("%s prometheus ended with status %d", binary, status);
        ms[turn] = (double)(now_ns() - begin) / 1e6;
    }
    double middle = median(ms, TURNS);
    report("command.prometheus", "qpc-metrics prometheus, whole process", text("%.2f ms (max %.1f)", middle, ms[TURNS - 1]), "",
           middle, "ms");
}

// MARK: Quiet

// This host's malloc and mutex functions override the C library's, also for the plugin, and count while the calling thread asks
// for it.
static _Thread_local int is_counting;
static _Atomic long allocations, locks;

#define COUNT(counter) do { if (is_counting) atomic_fetch_add(&counter, 1); } while (0)
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);
void *malloc(size_t n) { COUNT(allocations); return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { COUNT(allocations); return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { COUNT(allocations); return __libc_realloc(p, n); }
void *memalign(size_t a, size_t n) { COUNT(allocations); return __libc_memalign(a, n); }
void *aligned_alloc(size_t a, size_t n) { COUNT(allocations); return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n) {
    COUNT(allocations);
    *p = __libc_memalign(a, n);
    return *p ? 0 : ENOMEM;
}
void free(void *p) { COUNT(allocations); __libc_free(p); }

#define INTERPOSE(name, type)                                                        \
    int name(type *object) {                                                         \
        static int (*real)(type *);                                                  \
        if (real == NULL) real = (int (*)(type *))dlsym(RTLD_NEXT, #name);           \
        COUNT(locks);                                                                \
        return real(object);                                                         \
    }
INTERPOSE(pthread_mutex_lock, pthread_mutex_t)
INTERPOSE(pthread_mutex_trylock, pthread_mutex_t)
INTERPOSE(pthread_rwlock_rdlock, pthread_rwlock_t)
INTERPOSE(pthread_rwlock_wrlock, pthread_rwlock_t)
INTERPOSE(pthread_spin_lock, pthread_spinlock_t)

static void *quiet_caller(void *argument) {
    qpc_hook_vtable *table = argument;
    for (int kind = 0; kind < CALL_KINDS; kind++) call(table, &events, kind, 0);
    syscall(SYS_getpgid, 0x5150);  // the marker that scripts/bench looks for
    is_counting = 1;
    for (unsigned i = 0; i < 4000; i++)
        for (int kind = 0; kind < CALL_KINDS; kind++) call(table, &events, kind, i);
    is_counting = 0;
    syscall(SYS_getpgid, 0x5151);
    return NULL;
}

static void quiet(void) {
    const char *directory = new_directory("quiet");
    // Proves that the counting works: init allocates and locks.
    qpc_hook_vtable warm = plugin_start((plugin_settings){directory, NULL, NULL, NULL});
    plugin_stop(&warm);
    is_counting = 1;
    qpc_hook_vtable table = plugin_start((plugin_settings){directory, NULL, NULL, NULL});
    is_counting = 0;
    if (allocations == 0 || locks == 0) die("the plugin's allocations or locks are not seen: nothing is proved");
    allocations = locks = 0;
    sleep_ns(300000000);
    pthread_t thread;
    pthread_create(&thread, NULL, quiet_caller, &table);
    pthread_join(thread, NULL);
    plugin_stop(&table);
    report("quiet.allocations", "36,000 steady calls of all hooks: allocations", text("%ld", (long)allocations), "",
           (double)allocations, "");
    report("quiet.locks", "... locks", text("%ld", (long)locks), "", (double)locks, "");
}

int main(int argc, char **argv) {
    if (argc < 2) die("which part?");
    quick = is_quick(argc, argv);
    calls_make(&events);
    if (strcmp(argv[1], "first_call") == 0) first_call();
    else if (strcmp(argv[1], "burst") == 0) burst();
    else if (strcmp(argv[1], "idle") == 0) idle();
    else if (strcmp(argv[1], "make") == 0 && argc >= 4) make_log(argv[2], argv[3]);
    else if (strcmp(argv[1], "start") == 0 && argc >= 3) start(argv[2]);
    else if (strcmp(argv[1], "command") == 0 && argc >= 4) command(argv[2], argv[3]);
    else if (strcmp(argv[1], "quiet") == 0) quiet();
    else die("no part is named %s", argv[1]);
    return 0;
}
