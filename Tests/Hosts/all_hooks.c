// A host in C for processors that the stand-in server is not built for: drives every hook from several threads, and says how many
// events of each kind it sent.
//
//   all_hooks PLUGIN THREADS ROUNDS [kill]     "kill" ends it by SIGKILL, with events in the rings
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin_abi.h"

static qpc_hook_vtable table;
static int rounds;

static void *drive(void *argument) {
    unsigned thread = (unsigned)(size_t)argument;
    uint8_t keys[8][32], channel[16];
    memset(channel, 0xC0 + (int)thread, sizeof channel);
    for (int index = 0; index < 8; index++) memset(keys[index], (int)(thread * 16) + index + 1, 32);
    for (int round = 0; round < rounds; round++) {
        uint8_t *one = keys[round % 8], *other = keys[(round + 3) % 8];
        char user[24];
        int length = snprintf(user, sizeof user, "user-%u-%d", thread, round % 50);
        qpc_message_event message = {one, 32, other, 32, channel, 16, (size_t)round * 7 % 5000, (uint64_t)round};
        table.on_message_enqueue(table.user_data, &message);
        qpc_message_event batch[3] = {message, message, message};
        batch[1].sender_identity = 0;
        batch[1].sender_identity_len = 0;
        table.on_batch_enqueue(table.user_data, batch, 3);
        int ok = round % 4 != 0;
        qpc_auth_event auth = {(uint8_t *)user, (size_t)length, ok, (const uint8_t *)(ok ? "" : "bad password"), ok ? 0 : 12};
        table.on_auth(table.user_data, &auth);
        qpc_channel_event made = {channel, 16, one, 32, other, 32, round == 0};
        table.on_channel_created(table.user_data, &made);
        qpc_fetch_event fetch = {other, 32, channel, 16, (size_t)(round % 3)};
        table.on_fetch(table.user_data, &fetch);
        table.on_user_registered(table.user_data, (uint8_t *)user, (size_t)length, one, 32);
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 4) return fprintf(stderr, "usage: all_hooks PLUGIN THREADS ROUNDS [kill]\n"), 64;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
    int32_t (*init)(qpc_hook_vtable *) = (int32_t (*)(qpc_hook_vtable *))dlsym(library, "qpc_plugin_init");
    if (!init || init(&table) != 0) return 2;
    int threads = atoi(argv[2]);
    rounds = atoi(argv[3]);
    pthread_t running[64];
    if (threads < 1 || threads > 64) return 64;
    for (int index = 0; index < threads; index++) pthread_create(&running[index], 0, drive, (void *)(size_t)index);
    for (int index = 0; index < threads; index++) pthread_join(running[index], 0);
    unsigned long long each = (unsigned long long)threads * (unsigned long long)rounds;
    printf("message_enqueue %llu\nbatch_enqueue %llu\nauth %llu\nchannel_created %llu\nfetch %llu\nuser_registered %llu\n", each,
           3 * each, each, each, each, each);
    fflush(stdout);
    if (argc > 4) kill(getpid(), SIGKILL);
    table.on_shutdown(table.user_data);
    table.destroy(table.user_data);
    return 0;
}
