// system.h: the parts of the C library that the plugin uses. The plugin is built in Embedded Swift, which has no Glibc module;
// this header provides what that module would.
#ifndef QPCM_SYSTEM_H
#define QPCM_SYSTEM_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include <stdio.h>

/// A GNU function, which <string.h> declares only if _GNU_SOURCE is defined.
extern void *memmem(const void *haystack, size_t haystack_bytes, const void *needle, size_t needle_bytes);

static inline int32_t qpcm_errno(void) { return errno; }

/// The environment's entries, `NAME=value`, terminated by NULL.
extern char **environ;
static inline char **qpcm_environment(void) { return environ; }

/// `open` with a mode: variadic in C.
static inline int32_t qpcm_open(const char *path, int32_t flags, uint32_t mode) { return open(path, flags, mode); }

/// `mmap`, shared; null instead of MAP_FAILED.
static inline void *qpcm_map_shared(int32_t descriptor, size_t bytes, int32_t writable) {
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *address = mmap(0, bytes, protection, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
    return address == MAP_FAILED ? 0 : address;
}

/// `mmap`, private and not yet accessible; null instead of MAP_FAILED. Reserves addresses and nothing else.
static inline void *qpcm_map_private_aside(int32_t descriptor, size_t bytes) {
    void *address = mmap(0, bytes, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
    return address == MAP_FAILED ? 0 : address;
}

/// The kernel's page size. No system call.
static inline size_t qpcm_page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

/// GNU functions, which the headers declare only if _GNU_SOURCE is defined. `mremap` is variadic there.
extern int fallocate(int descriptor, int mode, off_t offset, off_t bytes);
extern void *mremap(void *old_address, size_t old_bytes, size_t new_bytes, int flags, ...);
extern int mincore(void *address, size_t bytes, unsigned char *pages);

/// Moves the beginning of such a mapping over a shared one of the same file, in one step: what was stored there so far stays
/// visible, and later stores go to memory only. The file system is not involved. 0 or -1.
static inline int32_t qpcm_move_private_over(void *aside, void *address, size_t bytes) {
    if (mprotect(aside, bytes, PROT_READ | PROT_WRITE) != 0) return -1;
    return mremap(aside, bytes, bytes, 1 | 2, address) == MAP_FAILED ? -1 : 0;  // MREMAP_MAYMOVE | MREMAP_FIXED
}

/// Maps anonymous memory, all zeros, over part of a mapping. 0 or -1.
static inline int32_t qpcm_map_zeros_over(void *address, size_t bytes) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    return mmap(address, bytes, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED ? -1 : 0;
}

/// Memory for a secret: whole pages, zeroed, kept out of swap (where the process may lock memory), core dumps and forked
/// children. Null if there is no memory.
static inline void *qpcm_map_secret(size_t bytes) {
    void *address = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return 0;
    (void)mlock(address, bytes);
    (void)madvise(address, bytes, 16);  // MADV_DONTDUMP
    (void)madvise(address, bytes, 18);  // MADV_WIPEONFORK
    return address;
}

/// Frees it; the caller has wiped it.
static inline void qpcm_unmap_secret(void *address, size_t bytes) { (void)munmap(address, bytes); }

/// Whether the status is that of a regular file.
static inline int32_t qpcm_is_regular(const struct stat *status) { return S_ISREG(status->st_mode); }
static inline int32_t qpcm_is_directory(const struct stat *status) { return S_ISDIR(status->st_mode); }

/// `stat` of a path, without following a symbolic link.
static inline int32_t qpcm_lstat(const char *path, struct stat *status) { return lstat(path, status); }
/// The same, following links.
static inline int32_t qpcm_stat(const char *path, struct stat *status) { return stat(path, status); }
static inline int32_t qpcm_fstat(int32_t descriptor, struct stat *status) { return fstat(descriptor, status); }

/// Lets other threads go before this one, by so many steps of `nice`. Without effect if the system refuses.
void qpcm_yield_to_others(int32_t steps);

/// How many processors this thread may run on; 1 if that cannot be learned.
int32_t qpcm_processors(void);

/// What a file system is, and its space, in blocks and in inodes. Free blocks are those available to users other than root.
typedef struct qpcm_file_system {
    uint64_t kind;         // the magic number of statfs(2)
    uint64_t block_bytes;
    uint64_t blocks;
    uint64_t free_blocks;
    uint64_t inodes;       // 0 where the file system makes them on demand
    uint64_t free_inodes;
} qpcm_file_system;

/// Describes the file system that a path is on. 0 or -1.
static inline int32_t qpcm_look_at_file_system(const char *path, qpcm_file_system *file_system) {
    struct statfs status;
    if (statfs(path, &status) != 0) return -1;
    file_system->kind = (uint64_t)status.f_type & 0xFFFFFFFFu;  // signed on some machines
    file_system->block_bytes = (uint64_t)status.f_bsize;
    file_system->blocks = status.f_blocks;
    file_system->free_blocks = status.f_bavail;
    file_system->inodes = status.f_files;
    file_system->free_inodes = status.f_ffree;
    return 0;
}

/// Whether what is at a path is in memory alone: on a tmpfs or ramfs.
static inline int32_t qpcm_is_in_memory(const char *path) {
    qpcm_file_system system;
    if (qpcm_look_at_file_system(path, &system) != 0) return 0;
    return system.kind == 0x01021994u || system.kind == 0x858458F6u;
}

/// Gives a new file to the owner of its directory: what root creates there, the server's own user must be able to use. Does
/// nothing for any other user, who cannot create a file owned by someone else.
static inline void qpcm_give_to_owner(int32_t descriptor, const char *directory) {
    struct stat status;
    if (geteuid() == 0 && stat(directory, &status) == 0 && fchown(descriptor, status.st_uid, status.st_gid) != 0) return;
}

/// Takes the lock that belongs to this descriptor, exclusive or shared; fails with EWOULDBLOCK if it is taken.
static inline int32_t qpcm_lock(int32_t descriptor, int32_t exclusively) {
    return flock(descriptor, (exclusively ? LOCK_EX : LOCK_SH) | LOCK_NB);
}

/// Marks an open directory as held, which others can query without taking any lock themselves: a shared lock on its first byte
/// that belongs to the open file (fcntl(2), open file description locks). 0 or -1.
int32_t qpcm_mark_held(int32_t descriptor);

/// Whether there is such a mark: 1, 0, or -1 if unknown.
int32_t qpcm_is_marked_held(int32_t descriptor);

/// Listens on a packet socket at a path, to which only this process's user and root can connect; or -1. Never blocks.
int32_t qpcm_control_listen(const char *path);

/// Accepts the next client, if it runs as this process's user or root, and reports its process (0 if that is in another PID
/// namespace) and user; or -1, also if there is none. Never blocks; packets on the connection wait at most that long.
int32_t qpcm_control_accept(int32_t listener, int32_t milliseconds, int32_t *pid, uint32_t *uid);

/// Connects to the listener at a path; or -1. Packets wait at most that long.
int32_t qpcm_control_connect(const char *path, int32_t milliseconds);

/// Sends or receives a packet; -1 on error. A peer that is gone raises no signal.
static inline ssize_t qpcm_send(int32_t socket, const void *bytes, size_t count) {
    return send(socket, bytes, count, MSG_NOSIGNAL);
}
static inline ssize_t qpcm_receive(int32_t socket, void *bytes, size_t count) { return recv(socket, bytes, count, 0); }

/// The process that holds a lock on any of these bytes of an open file; 0 if none does, or none that is visible.
static inline int32_t qpcm_lock_holder(int32_t descriptor, int64_t start, int64_t bytes) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = bytes};
    if (fcntl(descriptor, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK || lock.l_pid < 0) return 0;
    return lock.l_pid;
}

/// A condition variable that times out by the monotonic clock: setting the time of day does not disturb it.
void qpcm_condition_init(pthread_cond_t *condition);

/// Waits at most that long; the mutex must be held, as with pthread_cond_wait.
void qpcm_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t nanoseconds);

/// Names a thread, with at most 15 characters.
void qpcm_name_thread(pthread_t thread, const char *name);

#endif
