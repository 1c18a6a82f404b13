// fault_vfs.h: a file system for SQLite that fails when it is told to, and that remembers what was never synced, so that
// a power cut can be told. It lies over SQLite's own. What it is told and what it remembers is the calling thread's own.
#ifndef QPCM_FAULT_VFS_H
#define QPCM_FAULT_VFS_H

#include <stdint.h>

/// What a path must hold for the file to be under it.
#define FAULT_VFS_PATHS "qpc-simulation"

/// Registers it as the one that every connection uses from now on. Any thread, any number of times.
int fault_vfs_install(void);

enum {
    FAULT_NONE = 0,
    FAULT_FULL,         // as ENOSPC
    FAULT_IO,           // as EIO
    FAULT_SHORT_WRITE,  // half of it is written, then EIO
};

/// Lets the calls that write, sync or truncate fail: the one of that number from now (1 is the next), and so many after it.
void fault_vfs_fail(int kind, int64_t after, int64_t count);

/// How many calls have failed so far, and how many of them were syncs.
int64_t fault_vfs_failures(void);
int64_t fault_vfs_failed_syncs(void);

/// Calls back once, just before the write, sync or truncation of that number from now (1 is the next): the moment of a kill
/// or a power cut inside of a transaction. The callback must not use SQLite. Null forgets it.
void fault_vfs_at(int64_t after, void (*call)(void *), void *context);

/// Copies a file as a power cut could leave it: of each block of 4096 bytes that was written since the last sync, chosen by
/// the seed, either what it held then or what it holds now. A block whose sync failed has what it held then, though later
/// syncs succeed, until it is written to again: so does Linux. To close a file makes none of it safer.
int fault_vfs_copy_after_cut(const char *path, const char *target, uint64_t seed);

/// Forgets what it knows of the files in a directory that is about to be deleted.
void fault_vfs_forget(const char *directory);

#endif
