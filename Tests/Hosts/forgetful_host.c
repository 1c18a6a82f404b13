// A host that keeps nothing of what it passes to the hooks: names and keys are made on the stack from a seed and wiped after each
// call. What its memory holds of them afterwards is the plugin's.
//
//   forgetful_host PLUGIN NAMES SEED
//
// Prints "idle" when all calls have been made, then obeys lines from standard input: "shutdown", "destroy", "end".
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin_abi.h"

enum { NAME = 24, KEY = 32 };

/// splitmix64, which the test has as well.
static uint64_t next(uint64_t *state) {
    uint64_t word = (*state += 0x9E3779B97F4A7C15u);
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    return word ^ (word >> 31);
}

/// A name of 24 letters from 3 words, a key from 4.
static void make(uint64_t *state, uint8_t name[NAME], uint8_t key[KEY]) {
    for (int word = 0; word < 3; word++) {
        uint64_t bits = next(state);
        for (int index = 0; index < 8; index++) name[8 * word + index] = (uint8_t)('a' + ((bits >> (8 * index)) & 15));
    }
    for (int word = 0; word < 4; word++) {
        uint64_t bits = next(state);
        memcpy(key + 8 * word, &bits, 8);
    }
}

/// Calls every hook that takes a name or a key; its frame is wiped before it returns.
__attribute__((noinline)) static void act(qpc_hook_vtable *table, uint64_t *state) {
    uint8_t name[NAME], key[KEY], reason[5 + NAME + 10];
    make(state, name, key);
    memcpy(reason, "user ", 5);
    memcpy(reason + 5, name, NAME);
    memcpy(reason + 5 + NAME, " not found", 10);
    qpc_auth_event auth = {name, NAME, 0, reason, sizeof reason};
    table->on_auth(table->user_data, &auth);
    table->on_user_registered(table->user_data, name, NAME, key, KEY);
    qpc_message_event message = {key, KEY, key, KEY, key, 16, 100, 1};
    table->on_message_enqueue(table->user_data, &message);
    qpc_message_event batch[2] = {message, message};
    table->on_batch_enqueue(table->user_data, batch, 2);
    qpc_channel_event channel = {key, 16, key, KEY, key, KEY, 1};
    table->on_channel_created(table->user_data, &channel);
    qpc_fetch_event fetch = {key, KEY, key, 16, 1};
    table->on_fetch(table->user_data, &fetch);
    explicit_bzero(name, sizeof name);
    explicit_bzero(key, sizeof key);
    explicit_bzero(reason, sizeof reason);
}

int main(int argc, char **argv) {
    if (argc != 4) return fprintf(stderr, "usage: forgetful_host PLUGIN NAMES SEED\n"), 64;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
    int32_t (*init)(qpc_hook_vtable *) = (int32_t (*)(qpc_hook_vtable *))dlsym(library, "qpc_plugin_init");
    qpc_hook_vtable table;
    memset(&table, 0, sizeof table);
    if (!init || init(&table) != 0) return 2;
    uint64_t state = strtoull(argv[3], 0, 10);
    for (int count = atoi(argv[2]); count > 0; count--) act(&table, &state);
    puts("idle");
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "shutdown\n") == 0) table.on_shutdown(table.user_data);
        if (strcmp(line, "destroy\n") == 0) table.destroy(table.user_data);
        if (strcmp(line, "end\n") == 0) return 0;
        puts("done");
        fflush(stdout);
    }
    return 0;
}
