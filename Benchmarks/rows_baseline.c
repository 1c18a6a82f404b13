#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "rows_baseline.h"

struct rows {
    sqlite3 *db;
    sqlite3_stmt *insert[EVENT_KINDS];
    int64_t next_id, batch_id;
};

static void run(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) die("%s: %s", sql, sqlite3_errmsg(db));
}

rows *rows_open(const char *path, int checkpoints) {
    static const char *const statements[EVENT_KINDS] = {
        "INSERT INTO message VALUES (?,?,?,?,?,?,?)", "INSERT INTO batch_message VALUES (?,?,?,?,?,?,?,?,?)",
        "INSERT INTO auth VALUES (?,?,?,?,?)",        "INSERT INTO channel_created VALUES (?,?,?,?,?,?)",
        "INSERT INTO fetch VALUES (?,?,?,?,?)",       "INSERT INTO user_registered VALUES (?,?,?,?)",
    };
    rows *target = calloc(1, sizeof *target);
    sqlite3 *db;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        die("cannot open %s", path);
    run(db, "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
        "PRAGMA synchronous = NORMAL;"
        "CREATE TABLE message (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, sender INTEGER, recipient INTEGER,"
        " channel INTEGER, bytes INTEGER NOT NULL, seq INTEGER NOT NULL);"
        "CREATE TABLE batch_message (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, sender INTEGER, recipient INTEGER,"
        " channel INTEGER, bytes INTEGER NOT NULL, seq INTEGER NOT NULL, batch INTEGER NOT NULL,"
        " batch_size INTEGER NOT NULL);"
        "CREATE TABLE auth (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, user INTEGER, ok INTEGER NOT NULL,"
        " reason INTEGER);"
        "CREATE TABLE channel_created (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, channel INTEGER,"
        " initiator INTEGER, peer INTEGER, new INTEGER NOT NULL);"
        "CREATE TABLE fetch (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, recipient INTEGER, channel INTEGER,"
        " count INTEGER NOT NULL);"
        "CREATE TABLE user_registered (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, user INTEGER, identity INTEGER);");
    if (!checkpoints) run(db, "PRAGMA wal_autocheckpoint = 0");
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        if (sqlite3_prepare_v3(db, statements[kind], -1, SQLITE_PREPARE_PERSISTENT, &target->insert[kind], NULL) != SQLITE_OK)
            die("%s", sqlite3_errmsg(db));
    target->db = db;
    target->next_id = 1;
    return target;
}

static inline void put(sqlite3_stmt *s, int at, int64_t value) { sqlite3_bind_int64(s, at, value); }

static inline void put_name(sqlite3_stmt *s, int at, uint32_t name) {
    if (name != 0) sqlite3_bind_int64(s, at, name);
    else sqlite3_bind_null(s, at);
}

static inline void insert_one(rows *target, const event *e, int64_t time) {
    sqlite3_stmt *s = target->insert[e->kind];
    put(s, 1, target->next_id);
    put(s, 2, time);
    switch (e->kind) {
    case EVENT_BATCH:
        if (e->batch != 0) target->batch_id = target->next_id;
        put(s, 8, target->batch_id);
        put(s, 9, 8);
        __attribute__((fallthrough));
    case EVENT_MESSAGE:
        put_name(s, 3, e->who);
        put_name(s, 4, e->whom);
        put_name(s, 5, e->channel);
        put(s, 6, e->number);
        put(s, 7, target->next_id);
        break;
    case EVENT_AUTH:
        put_name(s, 3, e->whom);
        put(s, 4, e->yes);
        put_name(s, 5, e->yes ? 0 : 1u + e->reason);
        break;
    case EVENT_CHANNEL:
        put_name(s, 3, e->channel);
        put_name(s, 4, e->who);
        put_name(s, 5, e->whom);
        put(s, 6, e->yes);
        break;
    case EVENT_FETCH:
        put_name(s, 3, e->whom);
        put_name(s, 4, e->channel);
        put(s, 5, e->number);
        break;
    default:
        put_name(s, 3, e->whom);
        put_name(s, 4, e->whom);
    }
    if (sqlite3_step(s) != SQLITE_DONE) die("%s", sqlite3_errmsg(target->db));
    sqlite3_reset(s);
    target->next_id++;
}

void rows_insert(rows *target, const event *events, size_t count) {
    int64_t time = 1763800000000000;
    for (size_t at = 0; at < count;) {
        run(target->db, "BEGIN IMMEDIATE");
        for (size_t end = at + 10000 < count ? at + 10000 : count; at < end; at++) {
            insert_one(target, &events[at], time + (int64_t)at);
        }
        run(target->db, "COMMIT");
    }
}

void rows_close(rows *target) {
    for (int kind = 0; kind < EVENT_KINDS; kind++) sqlite3_finalize(target->insert[kind]);
    sqlite3_close(target->db);
    free(target);
}
