// Sets the time of day for one process: preloaded, it adds the nanoseconds in the file CLOCK_SHIM_FILE to the
// CLOCK_REALTIME that clock_gettime returns. The other clocks and the CPU's counter are left alone, as they are when an
// administrator or NTP sets the clock.
//
// Build: cc -O1 -shared -fPIC clock_shim.c -o clock-shim.so
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset_ns;

__attribute__((constructor)) static void map_offset(void) {
    const char *path = getenv("CLOCK_SHIM_FILE");
    int descriptor = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (descriptor < 0) return;
    void *address = mmap(0, sizeof(int64_t), PROT_READ, MAP_SHARED, descriptor, 0);
    if (address != MAP_FAILED) offset_ns = address;
    close(descriptor);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int code = (int)syscall(SYS_clock_gettime, clock, now);
    if (code != 0 || clock != CLOCK_REALTIME || !offset_ns) return code;
    int64_t sum = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + *offset_ns;
    now->tv_sec = sum / 1000000000;
    now->tv_nsec = sum % 1000000000;
    return 0;
}
