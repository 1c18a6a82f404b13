// A host that exports SQLite functions of its own, as a server with a second SQLite linked in does.
//
// Build: cc -O1 -Wall -rdynamic sqlite_squatter.c -o sqlite-squatter   (with -ldl where the C library needs it)
// Run:   sqlite-squatter PLUGIN
//
// The executable's symbols come first in the dynamic linker's search, so a plugin that leaves its SQLite calls to that
// search ends up in the functions below. They do nothing but count, and fail. The plugin gets 100 fetches and 100
// logins, then on_shutdown and destroy. The last line of the output is "squatter_calls=0 hooks=200" for a plugin that
// keeps to its own SQLite; the functions that were called are named on the standard error.
//
// Exit code: 0 when none of the functions was called, 1 when the plugin's init failed, 2 when the plugin could not be
// loaded, 3 when one of the functions was called.

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------------------------------
// The squatted functions
// ---------------------------------------------------------------------------------------------------------------------

enum { max_functions = 256, sqlite_error = 1 };

static atomic_int squatter_calls;
static _Atomic(const char *) called[max_functions];

static void count_call(const char *function) {
    int index = atomic_fetch_add(&squatter_calls, 1);
    if (index < max_functions) {
        atomic_store(&called[index], function);
    }
}

// The parameters are left out on purpose: the functions do not look at them, and the calling conventions of the
// machines that this runs on allow a caller to pass more than a function takes.
#define SQUAT_FAILING(name) \
    int name(void); \
    int name(void) { count_call(#name); return sqlite_error; }
#define SQUAT_ZERO(name) \
    int64_t name(void); \
    int64_t name(void) { count_call(#name); return 0; }
#define SQUAT_NULL(name) \
    void *name(void); \
    void *name(void) { count_call(#name); return NULL; }
#define SQUAT_NOTHING(name) \
    void name(void); \
    void name(void) { count_call(#name); }

// Those that hand out an object hand out none, so that a caller sees the failure and not a wild pointer.
#define SQUAT_OPEN(name) \
    int name(const void *file, void **database); \
    int name(const void *file, void **database) { \
        (void)file; \
        count_call(#name); \
        if (database) { *database = NULL; } \
        return sqlite_error; \
    }
SQUAT_OPEN(sqlite3_open)
SQUAT_OPEN(sqlite3_open16)
SQUAT_OPEN(sqlite3_open_v2)

#define SQUAT_PREPARE(name) \
    int name(void *database, const char *sql, int length, void **statement, const char **tail); \
    int name(void *database, const char *sql, int length, void **statement, const char **tail) { \
        (void)database; (void)sql; (void)length; (void)tail; \
        count_call(#name); \
        if (statement) { *statement = NULL; } \
        return sqlite_error; \
    }
SQUAT_PREPARE(sqlite3_prepare)
SQUAT_PREPARE(sqlite3_prepare_v2)

int sqlite3_prepare_v3(void *, const char *, int, unsigned, void **, const char **);
int sqlite3_prepare_v3(void *database, const char *sql, int length, unsigned flags, void **statement,
                       const char **tail) {
    (void)database; (void)sql; (void)length; (void)flags; (void)tail;
    count_call("sqlite3_prepare_v3");
    if (statement) { *statement = NULL; }
    return sqlite_error;
}

// Texts are never null in SQLite's contract.
#define SQUAT_TEXT(name) \
    const char *name(void); \
    const char *name(void) { count_call(#name); return "squatter"; }
SQUAT_TEXT(sqlite3_errmsg)
SQUAT_TEXT(sqlite3_errstr)
SQUAT_TEXT(sqlite3_libversion)
SQUAT_TEXT(sqlite3_sourceid)

SQUAT_FAILING(sqlite3_initialize)
SQUAT_FAILING(sqlite3_shutdown)
SQUAT_FAILING(sqlite3_os_init)
SQUAT_FAILING(sqlite3_config)
SQUAT_FAILING(sqlite3_db_config)
SQUAT_FAILING(sqlite3_close)
SQUAT_FAILING(sqlite3_close_v2)
SQUAT_FAILING(sqlite3_exec)
SQUAT_FAILING(sqlite3_step)
SQUAT_FAILING(sqlite3_reset)
SQUAT_FAILING(sqlite3_finalize)
SQUAT_FAILING(sqlite3_clear_bindings)
SQUAT_FAILING(sqlite3_bind_blob)
SQUAT_FAILING(sqlite3_bind_blob64)
SQUAT_FAILING(sqlite3_bind_double)
SQUAT_FAILING(sqlite3_bind_int)
SQUAT_FAILING(sqlite3_bind_int64)
SQUAT_FAILING(sqlite3_bind_null)
SQUAT_FAILING(sqlite3_bind_text)
SQUAT_FAILING(sqlite3_bind_text64)
SQUAT_FAILING(sqlite3_bind_value)
SQUAT_FAILING(sqlite3_bind_zeroblob)
SQUAT_FAILING(sqlite3_busy_timeout)
SQUAT_FAILING(sqlite3_busy_handler)
SQUAT_FAILING(sqlite3_extended_result_codes)
SQUAT_FAILING(sqlite3_errcode)
SQUAT_FAILING(sqlite3_extended_errcode)
SQUAT_FAILING(sqlite3_system_errno)
SQUAT_FAILING(sqlite3_file_control)
SQUAT_FAILING(sqlite3_wal_checkpoint)
SQUAT_FAILING(sqlite3_wal_checkpoint_v2)
SQUAT_FAILING(sqlite3_wal_autocheckpoint)
SQUAT_FAILING(sqlite3_db_cacheflush)
SQUAT_FAILING(sqlite3_db_release_memory)
SQUAT_FAILING(sqlite3_db_status)
SQUAT_FAILING(sqlite3_status64)
SQUAT_FAILING(sqlite3_create_function)
SQUAT_FAILING(sqlite3_create_function_v2)
SQUAT_FAILING(sqlite3_create_collation_v2)
SQUAT_FAILING(sqlite3_set_authorizer)
SQUAT_FAILING(sqlite3_trace_v2)
SQUAT_FAILING(sqlite3_table_column_metadata)
SQUAT_FAILING(sqlite3_vfs_register)
SQUAT_FAILING(sqlite3_vfs_unregister)
SQUAT_FAILING(sqlite3_backup_step)
SQUAT_FAILING(sqlite3_backup_finish)
SQUAT_FAILING(sqlite3_deserialize)
SQUAT_FAILING(sqlite3_key)
SQUAT_FAILING(sqlite3_key_v2)
SQUAT_FAILING(sqlite3_rekey)

SQUAT_ZERO(sqlite3_bind_parameter_count)
SQUAT_ZERO(sqlite3_bind_parameter_index)
SQUAT_ZERO(sqlite3_changes)
SQUAT_ZERO(sqlite3_changes64)
SQUAT_ZERO(sqlite3_total_changes)
SQUAT_ZERO(sqlite3_total_changes64)
SQUAT_ZERO(sqlite3_column_bytes)
SQUAT_ZERO(sqlite3_column_count)
SQUAT_ZERO(sqlite3_column_int)
SQUAT_ZERO(sqlite3_column_int64)
SQUAT_ZERO(sqlite3_column_type)
SQUAT_ZERO(sqlite3_data_count)
SQUAT_ZERO(sqlite3_compileoption_used)
SQUAT_ZERO(sqlite3_get_autocommit)
SQUAT_ZERO(sqlite3_hard_heap_limit64)
SQUAT_ZERO(sqlite3_soft_heap_limit64)
SQUAT_ZERO(sqlite3_last_insert_rowid)
SQUAT_ZERO(sqlite3_libversion_number)
SQUAT_ZERO(sqlite3_limit)
SQUAT_ZERO(sqlite3_memory_used)
SQUAT_ZERO(sqlite3_sleep)
SQUAT_ZERO(sqlite3_stmt_busy)
SQUAT_ZERO(sqlite3_stmt_readonly)
SQUAT_ZERO(sqlite3_stmt_status)
SQUAT_ZERO(sqlite3_threadsafe)
SQUAT_ZERO(sqlite3_txn_state)
SQUAT_ZERO(sqlite3_db_readonly)

double sqlite3_column_double(void);
double sqlite3_column_double(void) {
    count_call("sqlite3_column_double");
    return 0;
}

SQUAT_NULL(sqlite3_backup_init)
SQUAT_NULL(sqlite3_bind_parameter_name)
SQUAT_NULL(sqlite3_column_blob)
SQUAT_NULL(sqlite3_column_name)
SQUAT_NULL(sqlite3_column_text)
SQUAT_NULL(sqlite3_column_value)
SQUAT_NULL(sqlite3_compileoption_get)
SQUAT_NULL(sqlite3_db_filename)
SQUAT_NULL(sqlite3_db_handle)
SQUAT_NULL(sqlite3_db_mutex)
SQUAT_NULL(sqlite3_expanded_sql)
SQUAT_NULL(sqlite3_malloc)
SQUAT_NULL(sqlite3_malloc64)
SQUAT_NULL(sqlite3_mprintf)
SQUAT_NULL(sqlite3_mutex_alloc)
SQUAT_NULL(sqlite3_next_stmt)
SQUAT_NULL(sqlite3_realloc)
SQUAT_NULL(sqlite3_realloc64)
SQUAT_NULL(sqlite3_serialize)
SQUAT_NULL(sqlite3_snprintf)
SQUAT_NULL(sqlite3_sql)
SQUAT_NULL(sqlite3_update_hook)
SQUAT_NULL(sqlite3_vfs_find)
SQUAT_NULL(sqlite3_vmprintf)
SQUAT_NULL(sqlite3_wal_hook)

SQUAT_NOTHING(sqlite3_free)
SQUAT_NOTHING(sqlite3_interrupt)
SQUAT_NOTHING(sqlite3_log)
SQUAT_NOTHING(sqlite3_mutex_enter)
SQUAT_NOTHING(sqlite3_mutex_free)
SQUAT_NOTHING(sqlite3_mutex_leave)
SQUAT_NOTHING(sqlite3_progress_handler)
SQUAT_NOTHING(sqlite3_randomness)

// ---------------------------------------------------------------------------------------------------------------------
// The host
// ---------------------------------------------------------------------------------------------------------------------

struct auth_event {
    const uint8_t *username;
    size_t username_len;
    int32_t success;
    const uint8_t *failure_reason;
    size_t failure_reason_len;
};

struct fetch_event {
    const uint8_t *recipient_key;
    size_t recipient_key_len;
    const uint8_t *channel_id;
    size_t channel_id_len;
    size_t message_count;
};

struct hook_table {
    void *user_data;
    void (*on_message_enqueue)(void);
    void (*on_batch_enqueue)(void);
    void (*on_auth)(void *, const struct auth_event *);
    void (*on_channel_created)(void);
    void (*on_fetch)(void *, const struct fetch_event *);
    void (*on_user_registered)(void);
    void (*error_message)(void);
    void (*destroy)(void *);
    void (*on_shutdown)(void *);
};

static struct hook_table table;

int main(int argument_count, char **arguments) {
    if (argument_count != 2) {
        fprintf(stderr, "usage: sqlite-squatter PLUGIN\n");
        return 2;
    }
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    int32_t (*init)(struct hook_table *);
    // POSIX allows this conversion, C does not, so it goes through memory.
    void *symbol = dlsym(library, "qpc_plugin_init");
    if (!symbol) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    memcpy(&init, &symbol, sizeof init);

    int32_t code = init(&table);
    int hooks = 0;
    if (code == 0) {
        uint8_t key[32], channel[16];
        for (int round = 0; round < 100; round++) {
            memset(key, round, sizeof key);
            memset(channel, round / 2, sizeof channel);
            struct fetch_event fetch = {key, sizeof key, channel, sizeof channel, (size_t)(round % 5)};
            if (table.on_fetch) {
                table.on_fetch(table.user_data, &fetch);
                hooks++;
            }
            char user[16];
            int length = snprintf(user, sizeof user, "user-%d", round);
            int failed = round % 10 == 9;
            const char *reason = "invalid credentials";
            struct auth_event auth = {(const uint8_t *)user, (size_t)length, !failed,
                                      failed ? (const uint8_t *)reason : NULL, failed ? strlen(reason) : 0};
            if (table.on_auth) {
                table.on_auth(table.user_data, &auth);
                hooks++;
            }
        }
        if (table.on_shutdown) {
            table.on_shutdown(table.user_data);
        }
        if (table.destroy) {
            table.destroy(table.user_data);
        }
    } else {
        fprintf(stderr, "qpc_plugin_init returned %d\n", (int)code);
    }

    int calls = atomic_load(&squatter_calls);
    for (int index = 0; index < calls && index < max_functions; index++) {
        const char *name = atomic_load(&called[index]);
        fprintf(stderr, "called: %s\n", name ? name : "?");
    }
    printf("squatter_calls=%d hooks=%d\n", calls, hooks);
    if (code != 0) {
        return 1;
    }
    return calls == 0 ? 0 : 3;
}
