// A host in C for processors that the stand-in server is not built for: drives every hook from several threads, and says how many
// events of each kind it sent.
//
//   all_hooks PLUGIN THREADS ROUNDS [kill]     "kill" ends it by SIGKILL, with events in the rings
//   all_hooks PLUGIN THREADS ROUNDS dies DIR ERRORS
//       shuts down DIR's file system, xfs or ext4, waits until the plugin has said so in ERRORS, and goes on, with 40 threads
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "plugin_abi.h"

static qpc_hook_vtable table;
static int rounds;
static pthread_barrier_t *together;  // nobody ends, and gives a slot back, before all have had one

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
    if (together) pthread_barrier_wait(together);
    return 0;
}

static void drive_all(int threads) {
    pthread_t running[64];
    for (int index = 0; index < threads; index++) pthread_create(&running[index], 0, drive, (void *)(size_t)index);
    for (int index = 0; index < threads; index++) pthread_join(running[index], 0);
}

static int die(const char *directory, const char *errors) {
    uint32_t how = 2;  // XFS_FSOP_GOING_FLAGS_NOLOGFLUSH, and ext4's equivalent
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY);
    if (descriptor < 0 || ioctl(descriptor, _IOR('X', 125, uint32_t), &how) != 0) return perror("shut down the file system"), 3;
    for (int waited = 0;; waited++) {
        char said[4096] = "";
        int file = open(errors, O_RDONLY);
        if (read(file, said, sizeof said - 1) > 0 && strstr(said, "in memory")) break;
        close(file);
        if (waited == 600) return 4;
        // On ext4 it takes an event that has to be written; on xfs, a store before the plugin has noticed may raise SIGBUS.
        qpc_fetch_event fetch = {0};
        if (waited >= 10) table.on_fetch(table.user_data, &fetch);
        usleep(100000);
    }
    sync();
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, 0, 40);
    together = &barrier;
    drive_all(40);
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
    if (threads < 1 || threads > 64) return 64;
    drive_all(threads);
    unsigned long long each = (unsigned long long)threads * (unsigned long long)rounds;
    printf("message_enqueue %llu\nbatch_enqueue %llu\nauth %llu\nchannel_created %llu\nfetch %llu\nuser_registered %llu\n", each,
           3 * each, each, each, each, each);
    fflush(stdout);
    if (argc > 6) {
        int code = die(argv[5], argv[6]);
        if (code != 0) return code;
    } else if (argc > 4) {
        kill(getpid(), SIGKILL);
    }
    table.on_shutdown(table.user_data);
    table.destroy(table.user_data);
    return 0;
}
