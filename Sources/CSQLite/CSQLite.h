// CSQLite.h: libsqlite3, and what Swift cannot express of its interface.
#ifndef QPCM_CSQLITE_H
#define QPCM_CSQLITE_H

#include <sqlite3.h>

/// Counts no memory: counting takes one lock for all threads at each allocation. Only before the process's first connection.
static inline int qpcm_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

/// SQLite's "copy these bytes now": the destructor value -1, which is a macro with a cast.
static inline int qpcm_bind_text_copied(sqlite3_stmt *statement, int index, const char *text, int length) {
    return sqlite3_bind_text(statement, index, text, length, SQLITE_TRANSIENT);
}

static inline int qpcm_bind_blob_copied(sqlite3_stmt *statement, int index, const void *bytes, int length) {
    return sqlite3_bind_blob(statement, index, bytes, length, SQLITE_TRANSIENT);
}

/// The WAL, once SQLite has opened it; else null.
static inline sqlite3_file *qpcm_wal(sqlite3 *connection, int *code) {
    sqlite3_file *file = 0;
    *code = sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    return *code == SQLITE_OK && file && file->pMethods ? file : 0;
}

/// Flushes the WAL to disk without writing to it; SQLite offers that only inside a commit.
static inline int qpcm_sync_wal(sqlite3 *connection) {
    int code;
    sqlite3_file *file = qpcm_wal(connection, &code);
    return file ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : code;
}

/// Rewrites the WAL's content in place, so that the next sync has all of it to write. Nobody else may be writing.
static inline int qpcm_rewrite_wal(sqlite3 *connection) {
    int code;
    sqlite3_file *file = qpcm_wal(connection, &code);
    if (!file) return code;
    sqlite3_int64 size = 0;
    code = file->pMethods->xFileSize(file, &size);
    if (code != SQLITE_OK || size == 0) return code;
    const int most = 1 << 16;  // SQLite takes no more than 2^17 - 1 at once
    void *part = sqlite3_malloc(most);
    if (!part) return SQLITE_NOMEM;
    for (sqlite3_int64 from = 0; code == SQLITE_OK && from < size; from += most) {
        int bytes = size - from < most ? (int)(size - from) : most;
        code = file->pMethods->xRead(file, part, bytes, from);
        if (code == SQLITE_OK) code = file->pMethods->xWrite(file, part, bytes, from);
    }
    sqlite3_free(part);
    return code;
}

/// The variadic sqlite3_db_config, for the one option that is used.
static inline int qpcm_never_checkpoint_on_close(sqlite3 *connection) {
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

#endif
