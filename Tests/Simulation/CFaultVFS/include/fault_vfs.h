// fault_vfs.h: a file system for SQLite that fails when told to, and remembers what was never synced, so that a power
// cut can be simulated. It sits on top of SQLite's own. What it is told and what it remembers belongs to the calling thread.
#ifndef QPCM_FAULT_VFS_H
#define QPCM_FAULT_VFS_H

#include <stdint.h>

/// A file is under it if its path contains this.
#define FAULT_VFS_PATHS "qpc-simulation"

/// Registers it as the file system for every connection from now on. Any thread, any number of times.
int fault_vfs_install(void);

enum {
    FAULT_NONE = 0,
    FAULT_FULL,         // as ENOSPC
    FAULT_IO,           // as EIO
    FAULT_SHORT_WRITE,  // half of it is written, then EIO
};

/// Makes writes, syncs or truncations fail: the one with this number from now (1 is the next), and this many from it on.
void fault_vfs_fail(int kind, int64_t after, int64_t count);

/// How many calls have failed so far, and how many of them were syncs.
int64_t fault_vfs_failures(void);
int64_t fault_vfs_failed_syncs(void);

/// Calls back once, just before the write, sync or truncation with this number from now (1 is the next): the moment of a
/// kill or a power cut inside a transaction. The callback must not use SQLite. Null cancels it.
void fault_vfs_at(int64_t after, void (*call)(void *), void *context);

/// Copies a file as a power cut could leave it: each block of 4096 bytes that was written since the last sync has either
/// its content from then or its content now, as the seed decides. A block whose sync failed has its content from then, even
/// if later syncs succeed, until it is written to again, as on Linux. Closing a file does not make any of it safer.
int fault_vfs_copy_after_cut(const char *path, const char *target, uint64_t seed);

/// Forgets what it knows about the files in a directory that is about to be deleted.
void fault_vfs_forget(const char *directory);

#endif
