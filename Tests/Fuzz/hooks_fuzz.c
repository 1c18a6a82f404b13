// hooks_fuzz.c: a libFuzzer target over one hook of the plugin, which scripts/fuzz builds once for each hook.
//
// The input is read as calls: for each value a byte that says what kind of pointer and length it has, then its bytes. The
// bytes of a value end where its allocation does, so the address sanitizer sees a read too far; they are freed when the hook
// has returned, so it sees a pointer that was kept. Lengths that no memory can hold have room behind their bytes.
//
// FUZZ_PLUGIN is the library, FUZZ_CALLS the file to which the number of events is written, to compare with the ledger.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin_abi.h"

#ifndef FUZZ_HOOK
#error "FUZZ_HOOK is one of message, batch, auth, channel, fetch, registered"
#endif
#define GLUE(a, b) a##b
#define CALL(hook) GLUE(call_, hook)

static qpc_hook_vtable table;
static uint64_t events;

// MARK: The input

static const uint8_t *input;
static size_t left;

static uint8_t next_byte(void) {
    if (left == 0) return 0;
    left--;
    return *input++;
}

static uint64_t next_number(void) {
    uint64_t value = 0;
    unsigned bytes = next_byte() % 9;
    for (unsigned i = 0; i < bytes; i++) value = value << 8 | next_byte();
    return value;
}

typedef struct bytes {
    uint8_t *start;
    size_t length;
    void *allocation;
} bytes;

static uint8_t huge_room[1 << 16];

static bytes next_bytes(void) {
    bytes value = {0, 0, 0};
    uint8_t kind = next_byte();
    switch (kind % 8) {
    case 0: return value;
    case 1: value.start = (uint8_t *)1; return value;
    case 2: value.length = next_number(); return value;
    case 3:
        // A real pointer with an impossible stated length.
        value.start = huge_room;
        value.length = SIZE_MAX - next_byte();
        return value;
    default: break;
    }
    size_t length = kind % 8 == 4 ? 32 : kind % 8 == 5 ? next_byte() : next_byte() * 17u;
    value.allocation = malloc(length ? length : 1);
    value.start = value.allocation;
    value.length = length;
    for (size_t i = 0; i < length; i++) value.start[i] = left ? next_byte() : (uint8_t)(i * 31 + kind);
    return value;
}

// MARK: The hooks

static void fill_message(qpc_message_event *event, bytes values[3]) {
    for (int i = 0; i < 3; i++) values[i] = next_bytes();
    *event = (qpc_message_event){values[0].start, values[0].length, values[1].start, values[1].length,
                                 values[2].start, values[2].length, next_number(), next_number()};
}

static void release(bytes *values, size_t count) {
    for (size_t i = 0; i < count; i++) free(values[i].allocation);
}

__attribute__((unused)) static void call_message(void) {
    bytes values[3];
    qpc_message_event *event = malloc(sizeof *event);
    fill_message(event, values);
    if (table.on_message_enqueue(table.user_data, event) != QPC_HOOK_CONTINUE) abort();
    free(event);
    release(values, 3);
    events++;
}

__attribute__((unused)) static void call_batch(void) {
    size_t count = next_byte() % 24;
    qpc_message_event *list = malloc(count ? count * sizeof *list : 1);
    bytes *values = malloc(count ? 3 * count * sizeof *values : 1);
    for (size_t i = 0; i < count; i++) fill_message(&list[i], &values[3 * i]);
    table.on_batch_enqueue(table.user_data, count == 0 && (next_byte() & 1) ? NULL : list, count);
    free(list);
    release(values, 3 * count);
    free(values);
    events += count;
}

__attribute__((unused)) static void call_auth(void) {
    bytes values[2] = {next_bytes(), next_bytes()};
    qpc_auth_event *event = malloc(sizeof *event);
    *event = (qpc_auth_event){values[0].start, values[0].length, (int32_t)next_number(), values[1].start, values[1].length};
    table.on_auth(table.user_data, event);
    free(event);
    release(values, 2);
    events++;
}

__attribute__((unused)) static void call_channel(void) {
    bytes values[3] = {next_bytes(), next_bytes(), next_bytes()};
    qpc_channel_event *event = malloc(sizeof *event);
    *event = (qpc_channel_event){values[0].start, values[0].length, values[1].start, values[1].length,
                                 values[2].start, values[2].length, (int32_t)next_number()};
    table.on_channel_created(table.user_data, event);
    free(event);
    release(values, 3);
    events++;
}

__attribute__((unused)) static void call_fetch(void) {
    bytes values[2] = {next_bytes(), next_bytes()};
    qpc_fetch_event *event = malloc(sizeof *event);
    *event = (qpc_fetch_event){values[0].start, values[0].length, values[1].start, values[1].length, next_number()};
    table.on_fetch(table.user_data, event);
    free(event);
    release(values, 2);
    events++;
}

__attribute__((unused)) static void call_registered(void) {
    bytes values[2] = {next_bytes(), next_bytes()};
    table.on_user_registered(table.user_data, values[0].start, values[0].length, values[1].start, values[1].length);
    release(values, 2);
    events++;
}

// MARK: The run

static void finish(void) {
    table.on_shutdown(table.user_data);
    table.destroy(table.user_data);
    const char *path = getenv("FUZZ_CALLS");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%llu\n", (unsigned long long)events);
        fclose(file);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    const char *path = getenv("FUZZ_PLUGIN");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    int32_t (*init)(qpc_hook_vtable *) = library ? (int32_t (*)(qpc_hook_vtable *))dlsym(library, "qpc_plugin_init") : NULL;
    if (!init || init(&table) != QPC_PLUGIN_OK) {
        fprintf(stderr, "hooks_fuzz: the plugin does not start: %s\n", library ? "init" : dlerror());
        exit(2);
    }
    atexit(finish);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input = data;
    left = size;
    do CALL(FUZZ_HOOK)();
    while (left > 0);
    return 0;
}
