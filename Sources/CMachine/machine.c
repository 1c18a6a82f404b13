#define _GNU_SOURCE
#include <sched.h>
#include <sys/resource.h>
#include "system.h"

#include "machine.h"

#include <sys/un.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

_Thread_local qpcm_thread qpcm_current_thread;

uint64_t qpcm_realtime_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int qpcm_ticks_invariant(void) {
#if defined(__x86_64__)
    unsigned int a, b, c, d;
    // Advanced power management, leaf 8000_0007h: EDX bit 8 is "invariant TSC" (AMD64 manual vol. 3, Intel SDM vol. 3).
    if (!__get_cpuid(0x80000007u, &a, &b, &c, &d)) return 0;
    return (d >> 8) & 1;
#else
    return 1;  // Arm's generic timer has one rate by definition.
#endif
}

void qpcm_condition_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void qpcm_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t nanoseconds) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t sum = (uint64_t)until.tv_nsec + nanoseconds;
    until.tv_sec += (time_t)(sum / 1000000000u);
    until.tv_nsec = (long)(sum % 1000000000u);
    pthread_cond_timedwait(condition, mutex, &until);
}

void qpcm_name_thread(pthread_t thread, const char *name) { pthread_setname_np(thread, name); }

/// A path may be longer than a socket's address can be; via its directory's descriptor it is short.
static int control_address(const char *path, struct sockaddr_un *address, int *directory) {
    *directory = -1;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) < sizeof address->sun_path) {
        strcpy(address->sun_path, path);
        return 0;
    }
    const char *name = strrchr(path, '/');
    char parent[4096];
    if (name == 0 || (size_t)(name - path) >= sizeof parent) return -1;
    memcpy(parent, path, (size_t)(name - path));
    parent[name - path] = 0;
    *directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*directory < 0) return -1;
    int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d%s", *directory, name);
    return length < (int)sizeof address->sun_path ? 0 : -1;
}

int32_t qpcm_control_listen(const char *path) {
    struct sockaddr_un address;
    int directory;
    int listener = -1;
    struct stat status;
    // Removes only a socket, which an earlier server left.
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode)) unlink(path);
    if (control_address(path, &address, &directory) == 0) {
        listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (listener >= 0 &&
            (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0600) != 0 ||
             listen(listener, 4) != 0)) {
            close(listener);
            listener = -1;
        }
    }
    if (directory >= 0) close(directory);
    return listener;
}

static void set_patience(int socket, int milliseconds) {
    struct timeval patience = {milliseconds / 1000, milliseconds % 1000 * 1000};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

int32_t qpcm_control_accept(int32_t listener, int32_t milliseconds, int32_t *pid, uint32_t *uid) {
    int asker = accept4(listener, 0, 0, SOCK_CLOEXEC);
    if (asker < 0) return -1;
    struct ucred who;
    socklen_t length = sizeof who;
    if (getsockopt(asker, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0 || (who.uid != 0 && who.uid != geteuid())) {
        close(asker);
        return -1;
    }
    set_patience(asker, milliseconds);
    *pid = who.pid;
    *uid = who.uid;
    return asker;
}

int32_t qpcm_control_connect(const char *path, int32_t milliseconds) {
    struct sockaddr_un address;
    int directory;
    int asker = -1;
    if (control_address(path, &address, &directory) == 0) {
        asker = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (asker >= 0 && connect(asker, (struct sockaddr *)&address, sizeof address) != 0) {
            int code = errno;
            close(asker);
            errno = code;
            asker = -1;
        }
    }
    int code = errno;
    if (directory >= 0) close(directory);
    errno = code;
    if (asker >= 0) set_patience(asker, milliseconds);
    return asker;
}

static struct flock held_mark(short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    return lock;
}

int32_t qpcm_mark_held(int32_t descriptor) {
    struct flock lock = held_mark(F_RDLCK);
    return fcntl(descriptor, F_OFD_SETLK, &lock) == 0 ? 0 : -1;
}

int32_t qpcm_is_marked_held(int32_t descriptor) {
    // Asks which lock would conflict with a write lock, and takes none.
    struct flock lock = held_mark(F_WRLCK);
    if (fcntl(descriptor, F_OFD_GETLK, &lock) != 0) return -1;
    return lock.l_type != F_UNLCK;
}

int32_t qpcm_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return CPU_COUNT(&set);
}

// On Linux, a thread's own niceness.
void qpcm_yield_to_others(int32_t steps) { (void)setpriority(PRIO_PROCESS, 0, steps); }
