// lifecycle_host.c: some threads call hooks while others start, shut down and destroy instances. It is linked with a
// sanitizer's runtime (scripts/test --sanitize builds and runs it).
//
//   lifecycle-host LIBRARY DIRECTORY ROUNDS
//
// A round: init on one thread; four workers call every hook while two others call on_shutdown again and again; some workers
// end in between and new ones come; when all hooks have returned, destroy on a third thread. One round in three leaves
// on_shutdown out, one in three calls it twice more after the workers. At the end another init of the same directory must
// find every call. Prints the number of events, which the ledger must match.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin_abi.h"

enum { WORKERS = 4, CALLS = 300, SUCCESSORS = 3 };

static int32_t (*plugin_init)(qpc_hook_vtable *);
static qpc_hook_vtable table;
static _Atomic uint64_t events;
static atomic_int working;

static void *run_init(void *unused) {
    (void)unused;
    memset(&table, 0, sizeof table);
    if (plugin_init(&table) != QPC_PLUGIN_OK) {
        fprintf(stderr, "lifecycle-host: init failed\n");
        exit(1);
    }
    return NULL;
}

static void *run_destroy(void *unused) {
    (void)unused;
    table.destroy(table.user_data);
    return NULL;
}

static void *run_shutdowns(void *unused) {
    (void)unused;
    do table.on_shutdown(table.user_data);
    while (atomic_load(&working) > 0);
    return NULL;
}

static void call_all(unsigned seed) {
    uint8_t key[32], other[32];
    memset(key, (int)(seed % 251), sizeof key);
    memset(other, (int)(seed % 13), sizeof other);
    qpc_message_event message = {key, 32, other, 32, key, 16, seed, seed};
    qpc_message_event batch[3] = {message, message, message};
    qpc_auth_event auth = {key, 8, (int32_t)(seed & 1), (const uint8_t *)"unknown user", 12};
    qpc_channel_event channel = {key, 16, key, 32, other, 32, 1};
    qpc_fetch_event fetch = {key, 32, other, 16, seed % 100};
    table.on_message_enqueue(table.user_data, &message);
    table.on_batch_enqueue(table.user_data, batch, 3);
    table.on_auth(table.user_data, &auth);
    table.on_channel_created(table.user_data, &channel);
    table.on_fetch(table.user_data, &fetch);
    table.on_user_registered(table.user_data, key, 8, other, 32);
    atomic_fetch_add(&events, 8);
}

static void *run_calls(void *number) {
    for (unsigned i = 0; i < CALLS; i++) call_all((unsigned)(uintptr_t)number * 1000 + i);
    return NULL;
}

/// A worker, and those that come after it on the same slot.
static void *run_worker(void *number) {
    for (uintptr_t i = 0; i < SUCCESSORS; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, run_calls, (void *)((uintptr_t)number * SUCCESSORS + i));
        pthread_join(thread, NULL);
    }
    atomic_fetch_sub(&working, 1);
    return NULL;
}

static void on_a_thread(void *(*body)(void *)) {
    pthread_t thread;
    pthread_create(&thread, NULL, body, NULL);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv) {
    if (argc != 4) return 64;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "lifecycle-host: %s\n", dlerror());
        return 2;
    }
    plugin_init = (int32_t (*)(qpc_hook_vtable *))dlsym(library, "qpc_plugin_init");
    setenv("QPC_METRICS_PLUGIN_DIR", argv[2], 1);
    setenv("QPC_METRICS_PLUGIN_FLUSH_INTERVAL", "5ms", 1);
    int rounds = atoi(argv[3]);
    for (int round = 0; round < rounds; round++) {
        on_a_thread(run_init);
        atomic_store(&working, WORKERS);
        pthread_t workers[WORKERS], closers[2];
        for (uintptr_t i = 0; i < WORKERS; i++) pthread_create(&workers[i], NULL, run_worker, (void *)i);
        int closing = round % 3 != 0 ? 2 : 0;
        for (int i = 0; i < closing; i++) pthread_create(&closers[i], NULL, run_shutdowns, NULL);
        for (int i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
        for (int i = 0; i < closing; i++) pthread_join(closers[i], NULL);
        if (round % 3 == 2) {
            on_a_thread(run_shutdowns);
            on_a_thread(run_shutdowns);
        }
        on_a_thread(run_destroy);
    }
    printf("%llu\n", (unsigned long long)atomic_load(&events));
    return 0;
}
