// CSQLite.h: libsqlite3, and what Swift cannot express of it.
#ifndef QPCM_CSQLITE_H
#define QPCM_CSQLITE_H

#include <sqlite3.h>

/// SQLite's "copy these bytes now": the destructor value -1, which is a macro with a cast.
static inline int qpcm_bind_text_copied(sqlite3_stmt *statement, int index, const char *text, int length) {
    return sqlite3_bind_text(statement, index, text, length, SQLITE_TRANSIENT);
}

static inline int qpcm_bind_blob_copied(sqlite3_stmt *statement, int index, const void *bytes, int length) {
    return sqlite3_bind_blob(statement, index, bytes, length, SQLITE_TRANSIENT);
}

/// Flushes the write-ahead log to the disk without writing to it; SQLite offers that only inside a commit.
static inline int qpcm_sync_wal(sqlite3 *connection) {
    sqlite3_file *file = 0;
    int code = sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    if (code != SQLITE_OK) return code;
    if (file == 0 || file->pMethods == 0) return SQLITE_OK;
    return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

/// Variadic sqlite3_db_config, for the one option that is used.
static inline int qpcm_never_checkpoint_on_close(sqlite3 *connection) {
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

#endif
