// drain.c: how fast the plugin's thread writes events to the log, against a bare loop of INSERTs of the same rows.
//
// Two threads call hooks for half of the events each, at full speed, into rings that hold all of them. Our time runs from the
// first call until on_shutdown returns, with the rows committed and on disk. The bare loop's time covers its inserts and commits,
// with SQLite's default checkpoints (every 1,000 pages) or, for a harder comparison, with none.
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "rows_baseline.h"

static people *crowd;
static qpc_hook_vtable table;

typedef struct half {
    const event *events;
    size_t count;
} half;

static void *hand_over(void *argument) {
    half *h = argument;
    for (size_t at = 0; at < h->count;) at += traffic_call(&table, crowd, h->events + at, at);
    return NULL;
}

/// The CPU time of the plugin's thread in nanoseconds, from the kernel's accounting; 0 if there is none.
static uint64_t plugin_cpu_ns(void) {
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    uint64_t ns = 0;
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL) continue;
        if (fgets(name, sizeof name, file) == NULL) name[0] = 0;
        fclose(file);
        if (strcmp(name, "qpc-metrics\n") != 0) continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", entry->d_name);
        file = fopen(path, "r");
        if (file == NULL) continue;
        unsigned long long run = 0;
        if (fscanf(file, "%llu", &run) == 1) ns = run;
        fclose(file);
    }
    if (tasks != NULL) closedir(tasks);
    return ns;
}

static uint64_t own_cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double drain(const event *events, size_t count) {
    // Do not split a batch.
    size_t middle = count / 2;
    while (middle < count && events[middle].batch == 0) middle++;
    half halves[2] = {{events, middle}, {events + middle, count - middle}};
    pthread_t threads[2];
    uint64_t start = now_ns();
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, hand_over, &halves[i]);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    table.on_shutdown(table.user_data);
    return (double)count / ((double)(now_ns() - start) / 1e9);
}

static double insert(rows *target, const event *events, size_t count) {
    uint64_t start = now_ns();
    rows_insert(target, events, count);
    return (double)count / ((double)(now_ns() - start) / 1e9);
}

static int64_t rows_in(const char *directory) {
    return log_integer(directory, "SELECT sum(ringed) FROM counter WHERE name LIKE 'written.%'");
}

static void compare(const char *name, const char *what, int kind, size_t count, int rounds) {
    const char *directory = new_directory("drain");
    char floor_path[512], bare_path[512];
    snprintf(floor_path, sizeof floor_path, "%s/floor.db", directory);
    snprintf(bare_path, sizeof bare_path, "%s/bare.db", directory);
    table = plugin_start((plugin_settings){directory, "128MiB", NULL, "off"});
    sleep_ns(300000000);
    rows *floor = rows_open(floor_path, 1), *bare = rows_open(bare_path, 0);
    double ours[32], with[32], without[32], ours_cpu[32], floor_cpu[32];
    // In the first round every name is new; that round is reported separately.
    double first = 0;
    for (int round = 0; round <= rounds; round++) {
        event *events = traffic_make(count, kind, (uint64_t)(77 + round));
        double rates[3];
        for (int turn = 0; turn < 3; turn++) {
            int side = (round + turn) % 3;
            uint64_t before = side == 0 ? plugin_cpu_ns() : own_cpu_ns();
            rates[side] = side == 0 ? drain(events, count) : insert(side == 1 ? floor : bare, events, count);
            double spent = (double)((side == 0 ? plugin_cpu_ns() : own_cpu_ns()) - before) / (double)count;
            if (round > 0 && side == 0) ours_cpu[round - 1] = spent;
            if (round > 0 && side == 1) floor_cpu[round - 1] = spent;
        }
        free(events);
        if (round == 0) {
            first = rates[0];
            continue;
        }
        ours[round - 1] = rates[0];
        with[round - 1] = rates[1];
        without[round - 1] = rates[2];
    }
    plugin_stop(&table);
    rows_close(floor);
    rows_close(bare);
    int64_t found = rows_in(directory), expected = (int64_t)count * (rounds + 1);
    if (found != expected) die("%s: %lld rows of %lld are in the log", name, (long long)found, (long long)expected);
    double against_floor = median_ratio(ours, with, (size_t)rounds), against_bare = median_ratio(ours, without, (size_t)rounds);
    double a = median(ours, (size_t)rounds), b = median(with, (size_t)rounds), c = median(without, (size_t)rounds);
    report(name, what, text("%.2f M/s", a / 1e6), text("%.2f M/s", b / 1e6), against_floor, "x");
    if (kind == EVENT_MIXED) {
        double cpu = median_ratio(floor_cpu, ours_cpu, (size_t)rounds);
        report("drain.cpu", "... CPU time per row", text("%.0f ns", median(ours_cpu, (size_t)rounds)),
               text("%.0f ns", median(floor_cpu, (size_t)rounds)), cpu, "x");
        report("drain.no_checkpoint", "... against a loop that never checkpoints", text("%.2f M/s", a / 1e6),
               text("%.2f M/s", c / 1e6), against_bare, "x");
        report("drain.first", "... names all new (25,000 in the round)", text("%.2f M/s", first / 1e6),
               text("%.2f M/s", b / 1e6), first / b, "x");
    }
}

static void size_of_rows(void) {
    const char *directory = new_directory("size");
    size_t count = 1000000;
    table = plugin_start((plugin_settings){directory, "128MiB", NULL, "off"});
    event *events = traffic_make(count, EVENT_MIXED, 1);
    drain(events, count);
    free(events);
    plugin_stop(&table);
    char path[512];
    snprintf(path, sizeof path, "%s/events.db", directory);
    struct stat status;
    if (stat(path, &status) != 0) die("%s is not there", path);
    double bytes = (double)status.st_size / (double)rows_in(directory);
    report("log.row_bytes", "bytes per row in events.db, 1M mixed", text("%.1f B", bytes), "", bytes, "B");
}

int main(int argc, char **argv) {
    const char *only = argc > 1 && argv[1][0] != '-' ? argv[1] : "all";
    int quick = is_quick(argc, argv), rounds = quick ? 3 : 7;
    size_t count = quick ? 500000 : 1000000;
    crowd = people_make();
    compare("drain.mixed", "drain, mixed traffic, against bare INSERTs", EVENT_MIXED, count, rounds);
    if (strcmp(only, "mixed") == 0) return 0;
    compare("drain.message", "drain, messages", EVENT_MESSAGE, count, quick ? 1 : 3);
    compare("drain.batch", "drain, batch messages", EVENT_BATCH, count, quick ? 1 : 3);
    compare("drain.auth", "drain, logins", EVENT_AUTH, count, quick ? 1 : 3);
    compare("drain.channel", "drain, channels", EVENT_CHANNEL, count, quick ? 1 : 3);
    compare("drain.fetch", "drain, fetches", EVENT_FETCH, count, quick ? 1 : 3);
    compare("drain.registered", "drain, registrations", EVENT_REGISTERED, count, quick ? 1 : 3);
    size_of_rows();
    return 0;
}
