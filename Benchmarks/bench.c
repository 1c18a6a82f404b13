#include "bench.h"

#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void sleep_ns(uint64_t nanoseconds) {
    struct timespec t = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {}
}

double ns_per_tick(void) {
    static double rate;
    if (rate == 0) {
        uint64_t n0 = now_ns(), t0 = ticks();
        sleep_ns(50000000);
        uint64_t n1 = now_ns(), t1 = ticks();
        rate = (double)(n1 - n0) / (double)(t1 - t0);
    }
    return rate;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double quantile(double *values, size_t count, double part) {
    if (count == 0) return 0;
    qsort(values, count, sizeof *values, by_value);
    size_t at = (size_t)(part * (double)count);
    if (part == 0.5 && count % 2 == 0) return (values[count / 2 - 1] + values[count / 2]) / 2;
    return values[at < count ? at : count - 1];
}

double median_ratio(const double *ours, const double *theirs, size_t count) {
    double *ratios = malloc(count * sizeof *ratios);
    for (size_t index = 0; index < count; index++) ratios[index] = ours[index] / theirs[index];
    double middle = median(ratios, count);
    free(ratios);
    return middle;
}

void report(const char *name, const char *what, const char *ours, const char *baseline, double value,
            const char *unit) {
    printf("%s\t%s\t%s\t%s\t%.4f\t%s\n", name, what, ours, baseline, value, unit);
    fflush(stdout);
}

const char *text(const char *format, ...) {
    static char ring[16][160];
    static unsigned next;
    char *line = ring[next++ % 16];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof ring[0], format, list);
    va_end(list);
    return line;
}

void die(const char *format, ...) {
    va_list list;
    va_start(list, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(2);
}

// MARK: Directories

static char made[64][256];
static int made_count;

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

void remove_tree(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

static void remove_made(void) {
    for (int index = 0; index < made_count; index++) remove_tree(made[index]);
}

const char *new_directory(const char *name) {
    const char *root = getenv("BENCH_DIR");
    if (root == NULL) root = getenv("TMPDIR");
    if (root == NULL) root = "/tmp";
    if (made_count == 64) die("too many directories");
    if (made_count == 0) atexit(remove_made);
    char *path = made[made_count++];
    snprintf(path, sizeof made[0], "%s/qpc-bench-%s-XXXXXX", root, name);
    if (mkdtemp(path) == NULL) die("cannot make %s: %s", path, strerror(errno));
    return path;
}

// MARK: The plugin

static uint64_t load_ns;

static void set(const char *name, const char *value) {
    if (value != NULL) setenv(name, value, 1);
    else unsetenv(name);
}

qpc_hook_vtable plugin_start(plugin_settings settings) {
    static int32_t (*init)(qpc_hook_vtable *);
    if (init == NULL) {
        const char *path = getenv("BENCH_PLUGIN");
        if (path == NULL) die("BENCH_PLUGIN does not name the library");
        uint64_t start = now_ns();
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        load_ns = now_ns() - start;
        if (library == NULL) die("%s", dlerror());
        init = (int32_t(*)(qpc_hook_vtable *))dlsym(library, "qpc_plugin_init");
        if (init == NULL) die("%s", dlerror());
    }
    set("QPC_METRICS_PLUGIN_DIR", settings.directory);
    set("QPC_METRICS_PLUGIN_RING_SIZE", settings.ring_size);
    set("QPC_METRICS_PLUGIN_FLUSH_INTERVAL", settings.flush_interval);
    set("QPC_METRICS_PLUGIN_RETENTION", settings.retention);
    set("QPC_METRICS_PLUGIN_LOG_LEVEL", "warning");
    qpc_hook_vtable table;
    memset(&table, 0, sizeof table);
    int32_t code = init(&table);
    if (code != 0) die("qpc_plugin_init returned %d", code);
    return table;
}

void plugin_stop(qpc_hook_vtable *table) {
    table->on_shutdown(table->user_data);
    table->destroy(table->user_data);
}

uint64_t plugin_load_ns(void) { return load_ns; }

int64_t log_integer(const char *directory, const char *sql) {
    char path[512];
    snprintf(path, sizeof path, "%s/events.db", directory);
    sqlite3 *db;
    sqlite3_stmt *query;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) die("cannot open %s", path);
    if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) != SQLITE_OK) die("%s: %s", sql, sqlite3_errmsg(db));
    int64_t value = sqlite3_step(query) == SQLITE_ROW ? sqlite3_column_int64(query, 0) : 0;
    sqlite3_finalize(query);
    sqlite3_close(db);
    return value;
}

int is_quick(int argc, char **argv) {
    for (int index = 1; index < argc; index++)
        if (strcmp(argv[index], "--quick") == 0) return 1;
    return 0;
}
