#include "sqlite_baseline.h"

#include <pthread.h>
#include <sqlite3.h>
#include <time.h>

#include "bench.h"

static sqlite3 *db;
static sqlite3_stmt *insert;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void run(const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) die("%s: %s", sql, sqlite3_errmsg(db));
}

void sqlite_log_open(const char *path) {
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        die("cannot open %s", path);
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
        "CREATE TABLE fetch (id INTEGER PRIMARY KEY, time INTEGER, recipient BLOB, channel BLOB, count INTEGER)");
    if (sqlite3_prepare_v2(db, "INSERT INTO fetch (time, recipient, channel, count) VALUES (?, ?, ?, ?)", -1, &insert,
                           NULL) != SQLITE_OK)
        die("%s", sqlite3_errmsg(db));
}

void sqlite_log_begin(void) { run("BEGIN"); }
void sqlite_log_commit(void) { run("COMMIT"); }

void sqlite_log_fetch(const qpc_fetch_event *event) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&mutex);
    sqlite3_bind_int64(insert, 1, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    sqlite3_bind_blob(insert, 2, event->recipient_key, (int)event->recipient_key_len, SQLITE_STATIC);
    sqlite3_bind_blob(insert, 3, event->channel_id, (int)event->channel_id_len, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 4, (int64_t)event->message_count);
    if (sqlite3_step(insert) != SQLITE_DONE) die("%s", sqlite3_errmsg(db));
    sqlite3_reset(insert);
    pthread_mutex_unlock(&mutex);
}

void sqlite_log_close(void) {
    sqlite3_finalize(insert);
    sqlite3_close(db);
}
