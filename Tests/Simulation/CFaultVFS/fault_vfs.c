#define _GNU_SOURCE
#include "fault_vfs.h"

#include <malloc.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 4096, FILES = 64 };

/// A block as it was at the last sync.
typedef struct block {
    int64_t number;
    int bytes;  // how many of them the file had
    int is_given_up;  // a sync of it failed: it is as at the last good sync, and no later sync writes it
    unsigned char content[BLOCK];
    struct block *next;
} block;

/// What has never been synced of one path.
typedef struct record {
    char path[512];
    block *blocks;
    ino_t file;  // the file that the path named when it was opened
    int is_open;
} record;

typedef struct fault_file {
    sqlite3_file base;
    record *record;  // null for temporary files
    sqlite3_file *real;
} fault_file;

static sqlite3_vfs *real_vfs;
static sqlite3_vfs fault_vfs;

// A simulation run belongs to one thread, and so does all that its file system knows: runs execute in parallel.
static _Thread_local record records[FILES];
static _Thread_local int kind_of_fault;
static _Thread_local int64_t calls_until_fault, faults_left, failures, failed_syncs;
static _Thread_local int64_t calls_until_moment;
static _Thread_local void (*moment)(void *);
static _Thread_local void *moment_context;

void fault_vfs_fail(int kind, int64_t after, int64_t count) {
    kind_of_fault = kind;
    calls_until_fault = after;
    faults_left = count;
}

int64_t fault_vfs_failures(void) { return failures; }
int64_t fault_vfs_failed_syncs(void) { return failed_syncs; }

void fault_vfs_at(int64_t after, void (*call)(void *), void *context) {
    calls_until_moment = after;
    moment = call;
    moment_context = context;
}

static int is_due(void) {
    if (moment && --calls_until_moment <= 0) {
        void (*call)(void *) = moment;
        moment = NULL;
        call(moment_context);
    }
    if (kind_of_fault == FAULT_NONE || faults_left <= 0) return 0;
    if (--calls_until_fault > 0) return 0;
    faults_left--;
    failures++;
    return 1;
}

static record *record_of(const char *path, int makes) {
    if (!path) return NULL;
    record *free_one = NULL;
    for (int i = 0; i < FILES; i++) {
        if (records[i].path[0] && strcmp(records[i].path, path) == 0) return &records[i];
        if (!records[i].path[0] && !free_one) free_one = &records[i];
    }
    if (!makes || !free_one || strlen(path) >= sizeof free_one->path) return NULL;
    strcpy(free_one->path, path);
    return free_one;
}

/// The kernel tries once to write a page back, and then treats it as clean, whether or not the disk took it.
static void give_up(record *record) {
    for (block *at = record->blocks; at; at = at->next) at->is_given_up = 1;
}

static void forget_synced(record *record) {
    for (block **at = &record->blocks; *at;) {
        block *one = *at;
        if (one->is_given_up) {
            at = &one->next;
        } else {
            *at = one->next;
            free(one);
        }
    }
}

static void forget(record *record) {
    while (record->blocks) {
        block *first = record->blocks;
        record->blocks = first->next;
        free(first);
    }
}

static block *find_block(record *record, int64_t number) {
    for (block *at = record->blocks; at; at = at->next)
        if (at->number == number) return at;
    return NULL;
}

/// Keeps the content that is about to change, unless it has already been kept since the last sync.
static void keep(fault_file *file, int64_t from, int64_t bytes) {
    if (!file->record || bytes <= 0) return;
    sqlite3_int64 size = 0;
    file->real->pMethods->xFileSize(file->real, &size);
    for (int64_t number = from / BLOCK; number <= (from + bytes - 1) / BLOCK; number++) {
        block *known = find_block(file->record, number);
        if (known) {
            // It is written to again, so the next sync tries again.
            known->is_given_up = 0;
            continue;
        }
        block *kept = calloc(1, sizeof *kept);
        kept->number = number;
        int64_t there = size - number * BLOCK;
        kept->bytes = there <= 0 ? 0 : there < BLOCK ? (int)there : BLOCK;
        if (kept->bytes > 0) file->real->pMethods->xRead(file->real, kept->content, kept->bytes, number * BLOCK);
        kept->next = file->record->blocks;
        file->record->blocks = kept;
    }
}

/// Closing a file does not make it any safer. Another file under its path starts from scratch.
static void begin(record *record, const char *path, sqlite3_file *real) {
    struct stat status;
    sqlite3_int64 size = 0;
    real->pMethods->xFileSize(real, &size);
    ino_t file = stat(path, &status) == 0 ? status.st_ino : 0;
    if (!record->is_open && (size == 0 || file != record->file)) forget(record);
    record->file = file;
    record->is_open++;
}

#define REAL(file) (((fault_file *)(file))->real)

static int fault_close(sqlite3_file *file) {
    fault_file *own = (fault_file *)file;
    int code = own->real->pMethods ? own->real->pMethods->xClose(own->real) : SQLITE_OK;
    sqlite3_free(own->real);
    if (own->record) own->record->is_open--;
    return code;
}

static int fault_read(sqlite3_file *file, void *target, int bytes, sqlite3_int64 from) {
    return REAL(file)->pMethods->xRead(REAL(file), target, bytes, from);
}

static int fault_write(sqlite3_file *file, const void *source, int bytes, sqlite3_int64 from) {
    int is_failing = is_due();
    keep((fault_file *)file, from, bytes);
    if (is_failing) {
        if (kind_of_fault == FAULT_FULL) return SQLITE_FULL;
        if (kind_of_fault == FAULT_SHORT_WRITE) REAL(file)->pMethods->xWrite(REAL(file), source, bytes / 2, from);
        return SQLITE_IOERR_WRITE;
    }
    return REAL(file)->pMethods->xWrite(REAL(file), source, bytes, from);
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int is_failing = is_due();
    sqlite3_int64 before = 0;
    REAL(file)->pMethods->xFileSize(REAL(file), &before);
    keep((fault_file *)file, size, before - size);
    if (is_failing) return SQLITE_IOERR_TRUNCATE;
    return REAL(file)->pMethods->xTruncate(REAL(file), size);
}

static int fault_sync(sqlite3_file *file, int flags) {
    fault_file *own = (fault_file *)file;
    if (is_due()) {
        failed_syncs++;
        if (own->record) give_up(own->record);
        return SQLITE_IOERR_FSYNC;
    }
    if (own->record) forget_synced(own->record);
    // The disk itself is not under test.
    (void)flags;
    return SQLITE_OK;
}

static int fault_size(sqlite3_file *file, sqlite3_int64 *size) { return REAL(file)->pMethods->xFileSize(REAL(file), size); }
static int fault_lock(sqlite3_file *file, int level) { return REAL(file)->pMethods->xLock(REAL(file), level); }
static int fault_unlock(sqlite3_file *file, int level) { return REAL(file)->pMethods->xUnlock(REAL(file), level); }
static int fault_reserved(sqlite3_file *file, int *out) { return REAL(file)->pMethods->xCheckReservedLock(REAL(file), out); }
static int fault_control(sqlite3_file *file, int what, void *argument) {
    return REAL(file)->pMethods->xFileControl(REAL(file), what, argument);
}
static int fault_sector(sqlite3_file *file) { return REAL(file)->pMethods->xSectorSize(REAL(file)); }
static int fault_traits(sqlite3_file *file) { return REAL(file)->pMethods->xDeviceCharacteristics(REAL(file)); }
static int fault_shm_map(sqlite3_file *file, int page, int bytes, int extends, void volatile **out) {
    return REAL(file)->pMethods->xShmMap(REAL(file), page, bytes, extends, out);
}
static int fault_shm_lock(sqlite3_file *file, int from, int count, int flags) {
    return REAL(file)->pMethods->xShmLock(REAL(file), from, count, flags);
}
static void fault_shm_barrier(sqlite3_file *file) { REAL(file)->pMethods->xShmBarrier(REAL(file)); }
static int fault_shm_unmap(sqlite3_file *file, int deletes) { return REAL(file)->pMethods->xShmUnmap(REAL(file), deletes); }

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_reserved,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_traits,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out) {
    (void)vfs;
    // Other tests in the same process are left alone.
    if (!path || !strstr(path, FAULT_VFS_PATHS)) return real_vfs->xOpen(real_vfs, path, file, flags, out);
    fault_file *own = (fault_file *)file;
    memset(own, 0, sizeof *own);
    own->real = sqlite3_malloc(real_vfs->szOsFile);
    if (!own->real) return SQLITE_NOMEM;
    memset(own->real, 0, (size_t)real_vfs->szOsFile);
    int code = real_vfs->xOpen(real_vfs, path, own->real, flags, out);
    if (code != SQLITE_OK) {
        sqlite3_free(own->real);
        return code;
    }
    own->record = record_of(path, 1);
    if (own->record) begin(own->record, path, own->real);
    own->base.pMethods = &methods;
    return SQLITE_OK;
}

static int fault_delete(sqlite3_vfs *vfs, const char *path, int syncs) {
    (void)vfs;
    record *record = record_of(path, 0);
    if (record) forget(record);
    return real_vfs->xDelete(real_vfs, path, syncs);
}

static int install_code;

static void install(void) {
    // Refused if SQLite is already in use, which only costs time.
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    // Each log that is opened takes megabytes of zeroed memory and touches little of it: memory from the system is cheap.
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    real_vfs = sqlite3_vfs_find(NULL);
    fault_vfs = *real_vfs;
    fault_vfs.zName = "fault";
    if (fault_vfs.szOsFile < (int)sizeof(fault_file)) fault_vfs.szOsFile = sizeof(fault_file);
    fault_vfs.xOpen = fault_open;
    fault_vfs.xDelete = fault_delete;
    install_code = sqlite3_vfs_register(&fault_vfs, 1);
}

int fault_vfs_install(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    return install_code;
}

void fault_vfs_forget(const char *directory) {
    size_t length = strlen(directory);
    for (int i = 0; i < FILES; i++) {
        if (records[i].is_open || strncmp(records[i].path, directory, length) != 0) continue;
        forget(&records[i]);
        records[i].path[0] = 0;
    }
}

static uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

int fault_vfs_copy_after_cut(const char *path, const char *target, uint64_t seed) {
    FILE *from = fopen(path, "rb");
    if (!from) return 0;
    FILE *to = fopen(target, "wb");
    if (!to) {
        fclose(from);
        return -1;
    }
    record *record = record_of(path, 0);
    unsigned char content[BLOCK];
    for (int64_t number = 0;; number++) {
        size_t bytes = fread(content, 1, BLOCK, from);
        if (bytes == 0) break;
        block *kept = record ? find_block(record, number) : NULL;
        if (kept && (kept->is_given_up || mix(seed + (uint64_t)number * 0x9E3779B97F4A7C15u) & 1)) {
            // What the file did not have then is zero: the size had reached the disk, but the block had not.
            memset(content, 0, BLOCK);
            memcpy(content, kept->content, (size_t)kept->bytes);
        }
        fwrite(content, 1, bytes, to);
    }
    fclose(from);
    fclose(to);
    return 1;
}
