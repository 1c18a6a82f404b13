// queries.c: queries on a log of ten million events, by qpc-metrics and by the sqlite3 shell, each a whole process from fork to
// exit, in alternating rounds. For both, the log is in the page cache.
//
//   queries COMMAND DIRECTORY END SUBJECTS [--quick]
//
// END: the time of the newest event, in seconds since 1970. SUBJECTS: a file of "name value" lines that scripts/bench makes.
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { MOST_ROUNDS = 15, MOST_WORDS = 24 };

static char *command, *directory, log_path[512];
static long end_seconds;
static int quick;

typedef struct run {
    double ms, mib;
} run;

static run run_one(char *const words[], const char *input) {
    int ends[2] = {-1, -1};
    if (input != NULL && pipe(ends) != 0) die("no pipe");
    uint64_t begin = now_ns();
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, 1);
        if (input != NULL) {
            dup2(ends[0], 0);
            close(ends[0]);
            close(ends[1]);
        }
        execvp(words[0], words);
        _exit(127);
    }
    if (input != NULL) {
        close(ends[0]);
        if (write(ends[1], input, strlen(input)) < 0) die("%s does not read", words[0]);
        close(ends[1]);
    }
    int status;
    struct rusage usage;
    wait4(child, &status, 0, &usage);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) die("%s ended with status %d", words[0], status);
    return (run){(double)(now_ns() - begin) / 1e6, (double)usage.ru_maxrss / 1024};
}

typedef struct question {
    const char *name, *what;
    const char *mode;     // the sqlite3 shell's
    const char *words;    // ours, separated by spaces
    char *sql;
    int rounds;
} question;

static void ask(question q) {
    char line[1024], *words[MOST_WORDS] = {command};
    int count = 1;
    snprintf(line, sizeof line, "%s", q.words);
    for (char *word = strtok(line, " "); word != NULL && count < MOST_WORDS - 3; word = strtok(NULL, " ")) words[count++] = word;
    words[count++] = "--dir";
    words[count++] = directory;
    words[count] = NULL;
    // The SQL goes to standard input, because it may be long.
    char *theirs[] = {"sqlite3", "-readonly", "-batch", (char *)q.mode, log_path, NULL};
    double ours_ms[MOST_ROUNDS], theirs_ms[MOST_ROUNDS], most_mib = 0;
    int rounds = q.rounds;
    if (rounds > 1) {  // fills the page cache for both
        run_one(words, NULL);
        run_one(theirs, q.sql);
    }
    for (int round = 0; round < rounds; round++) {
        for (int turn = 0; turn < 2; turn++) {
            if ((round + turn) % 2 == 0) {
                run mine = run_one(words, NULL);
                ours_ms[round] = mine.ms;
                if (mine.mib > most_mib) most_mib = mine.mib;
            } else {
                theirs_ms[round] = run_one(theirs, q.sql).ms;
            }
        }
    }
    double ratio = median_ratio(ours_ms, theirs_ms, (size_t)rounds);
    double ours = median(ours_ms, (size_t)rounds), sqlite = median(theirs_ms, (size_t)rounds);
    report(text("query.%s", q.name), q.what, text("%.1f ms", ours), text("%.1f ms", sqlite), ratio, "x");
    report(text("query.%s.ms", q.name), "... whole process", text("%.1f ms", ours), "", ours, "ms");
    report(text("query.%s.rss", q.name), "... resident", text("%.1f MiB", most_mib), "", most_mib, "MiB");
}

// MARK: SQL

#define NAME(table, column) "(SELECT lower(hex(value)) FROM " table " WHERE id = " column ")"
#define IDENTITY(column) NAME("identity_name", column) " AS " column
#define CHANNEL NAME("channel_name", "channel") " AS channel"
#define USER NAME("user_name", "user") " AS user"
#define REASON "(SELECT value FROM reason_name WHERE id = reason) AS reason"
#define TIME "strftime('%Y-%m-%dT%H:%M:%S', time / 1000000, 'unixepoch') || printf('.%06dZ', time % 1000000) AS time"

static const struct {
    const char *kind, *table, *columns;
} kinds[] = {
    {"message_enqueue", "message", IDENTITY("sender") ", " IDENTITY("recipient") ", " CHANNEL ", bytes, seq"},
    {"batch_enqueue", "batch_message",
     IDENTITY("sender") ", " IDENTITY("recipient") ", " CHANNEL ", bytes, seq, batch, batch_size"},
    {"auth", "auth", USER ", ok, " REASON},
    {"channel_created", "channel_created", CHANNEL ", " IDENTITY("initiator") ", " IDENTITY("peer") ", new"},
    {"fetch", "fetch", IDENTITY("recipient") ", " CHANNEL ", count"},
    {"user_registered", "user_registered", USER ", " IDENTITY("identity")},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static char *sql(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *sql(const char *format, ...) {
    char *made;
    va_list list;
    va_start(list, format);
    if (vasprintf(&made, format, list) < 0) die("no memory");
    va_end(list);
    return made;
}

/// One kind's events with only its own columns: cheaper than the view, which has all of them.
static char *events_of(int kind, const char *condition) {
    return sql("SELECT id, %s, '%s' AS kind, %s FROM %s WHERE %s;\n", TIME, kinds[kind].kind, kinds[kind].columns,
               kinds[kind].table, condition);
}

static char *joined(char *one, char *other) { return sql("%s%s", one, other); }

// MARK: Questions

static char *subject(const char *path, const char *name) {
    static char line[256];
    char format[64], *value = malloc(128);
    FILE *file = fopen(path, "r");
    if (file == NULL) die("cannot read %s", path);
    snprintf(format, sizeof format, "%s %%127s", name);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, format, value) == 1) {
            fclose(file);
            return value;
        }
    die("%s does not name %s", path, name);
}

static void newest(void) {
    for (int kind = 0; kind < KINDS; kind++)
        ask((question){text("newest_%s", kinds[kind].table), text("newest 100, %s", kinds[kind].kind), "-csv",
                       text("events -o csv -n 100 --kind %s", kinds[kind].kind),
                       events_of(kind, "1 ORDER BY id DESC LIMIT 100"), quick ? 5 : 11});
}

static void about(const char *subjects, const char *which) {
    long since = end_seconds - 30 * 86400;
    const char *what = strcmp(which, "busy") == 0 ? "busiest" : "average";
    int rounds = quick ? 3 : 7;
    char *user = subject(subjects, text("user_%s", which)), *identity = subject(subjects, text("identity_%s", which)),
         *channel = subject(subjects, text("channel_%s", which));
    char *in_time = sql("time >= %ld000000 ORDER BY id", since);
    char *by_user = sql("user = (SELECT id FROM user_name WHERE value = x'%s') AND %s", user, in_time);
    ask((question){text("user_%s", which), text("a user's events of 30 days, %s", what), "-csv",
                   text("events -o csv --since @%ld --user %s --login-only", since, user),
                   joined(events_of(2, by_user), events_of(5, by_user)), rounds});
    const char *columns[KINDS][2] = {{"sender", "recipient"}, {"sender", "recipient"}, {0}, {"initiator", "peer"},
                                     {"recipient", NULL}, {"identity", NULL}};
    char *all = "", *hers = joined(events_of(2, by_user), events_of(5, by_user));
    char *keys = sql("(SELECT identity FROM user_registered WHERE user = (SELECT id FROM user_name WHERE value = x'%s'))", user);
    for (int kind = 0; kind < 5; kind++) {
        if (columns[kind][0] == NULL) continue;
        char *condition = columns[kind][1] == NULL
                              ? sql("%s IN %s AND %s", columns[kind][0], keys, in_time)
                              : sql("(%s IN %s OR %s IN %s) AND %s", columns[kind][0], keys, columns[kind][1], keys, in_time);
        hers = joined(hers, events_of(kind, condition));
    }
    if (strcmp(which, "busy") != 0)
        ask((question){text("user_keys_%s", which), text("a user's events of 30 days, keys included, %s", what), "-csv",
                       text("events -o csv --since @%ld --user %s", since, user), hers, rounds});
    for (int kind = 0; kind < KINDS; kind++) {
        if (columns[kind][0] == NULL) continue;
        char *found = sql("(SELECT id FROM identity_name WHERE value = x'%s')", identity);
        char *condition = columns[kind][1] == NULL
                              ? sql("%s = %s AND %s", columns[kind][0], found, in_time)
                              : sql("(%s = %s OR %s = %s) AND %s", columns[kind][0], found, columns[kind][1], found, in_time);
        all = joined(all, events_of(kind, condition));
    }
    ask((question){text("identity_%s", which), text("an identity's events of 30 days, %s", what), "-csv",
                   text("events -o csv --since @%ld --identity %s", since, identity), all, rounds});
    all = "";
    for (int kind = 0; kind < KINDS; kind++)
        if (kind != 2 && kind != 5)
            all = joined(all, events_of(kind, sql("channel = (SELECT id FROM channel_name WHERE value = x'%s') AND %s",
                                                  channel, in_time)));
    ask((question){text("channel_%s", which), text("a channel's events of 30 days, %s", what), "-csv",
                   text("events -o csv --since @%ld --channel %s", since, channel), all, rounds});
}

static void failures(void) {
    long since = end_seconds - 3600;
    ask((question){"failed", "failed logins of the last hour", "-csv", text("events -o csv --failed --since @%ld", since),
                   events_of(2, sql("ok = 0 AND time >= %ld000000 ORDER BY id", since)), quick ? 5 : 11});
}

static void counts(void) {
    char *sums = "SELECT 0";
    for (int kind = 0; kind < KINDS; kind++) sums = sql("%s + (SELECT count(*) FROM %s)", sums, kinds[kind].table);
    ask((question){"count", "events -c, all of them", "-list", "events -c", joined(sums, ";\n"), quick ? 5 : 11});
}

static void statistics(void) {
    long since = end_seconds - 30 * 86400;
    char *in_time = sql("time >= %ld000000", since), *all = "";
    const char *sums[KINDS] = {"sum(sender IS NULL), sum(bytes)", "sum(sender IS NULL), sum(bytes)", "sum(ok = 0)", "sum(new)",
                               "sum(count = 0), sum(count)", "0"};
    for (int kind = 0; kind < KINDS; kind++)
        all = sql("%sSELECT time / 86400000000, count(*), %s FROM %s WHERE %s GROUP BY 1;\n", all, sums[kind], kinds[kind].table,
                  in_time);
    all = sql("%sSELECT reason, count(*) FROM auth WHERE ok = 0 AND %s GROUP BY 1;\n", all, in_time);
    all = sql("%sSELECT user, count(*) FROM auth WHERE ok = 0 AND %s GROUP BY 1 ORDER BY 2 DESC LIMIT 5;\n", all, in_time);
    all = sql("%sSELECT channel, count(*) FROM (SELECT channel FROM message WHERE %s UNION ALL SELECT channel FROM batch_message "
              "WHERE %s UNION ALL SELECT channel FROM fetch WHERE %s) GROUP BY 1 ORDER BY 2 DESC LIMIT 5;\n",
              all, in_time, in_time, in_time);
    ask((question){"stats", "stats of 30 days (theirs: no percentiles, no identities)", "-csv",
                   text("stats --since @%ld --until @%ld", since, end_seconds + 1), all, quick ? 3 : 5});
}

/// `backfill`, against per-minute sums of the same columns: no histograms, and no running totals.
static void backfill(void) {
    long since = end_seconds - 30 * 86400;
    const char *sums[KINDS] = {"sum(sender IS NULL), sum(bytes)", "sum(sender IS NULL), sum(bytes), sum(batch = id)",
                               "sum(ok = 0)", "sum(new)", "sum(count = 0), sum(count)", "0"};
    char *all = "";
    for (int kind = 0; kind < KINDS; kind++)
        all = sql("%sSELECT time / 60000000, count(*), %s FROM %s WHERE time >= %ld000000 GROUP BY 1;\n", all, sums[kind],
                  kinds[kind].table, since);
    ask((question){"backfill", "backfill of 30 days, steps of a minute (theirs: sums only)", "-csv",
                   text("backfill --since @%ld --until @%ld", since, end_seconds + 1), all, 1});
}

/// `count`, each against the same grouping over the tables themselves.
static void grouped(const char *subjects) {
    long day = end_seconds - 86400;
    int rounds = quick ? 3 : 5;
    char *identity = subject(subjects, "identity_average");
    const char *users = "SELECT user FROM auth UNION ALL SELECT user FROM user_registered";
    ask((question){"count_user", "count by user, over all", "-csv", "count --by user --top 10",
                   sql("SELECT user, count(*) FROM (%s) GROUP BY 1 ORDER BY 2 DESC LIMIT 10;\n", users), rounds});
    ask((question){"count_sender", "count by sender, over all", "-csv", "count --by sender --top 10",
                   sql("SELECT sender, count(*) FROM (SELECT sender FROM message UNION ALL SELECT sender FROM batch_message) "
                       "GROUP BY 1 ORDER BY 2 DESC LIMIT 10;\n"), 1});
    char *in_day = sql("time >= %ld000000", day);
    ask((question){"count_user_day", "count by user, over a day", "-csv", text("count --by user --top 10 --since @%ld", day),
                   sql("SELECT user, count(*) FROM (SELECT user FROM auth WHERE %s UNION ALL SELECT user FROM user_registered "
                       "WHERE %s) GROUP BY 1 ORDER BY 2 DESC LIMIT 10;\n", in_day, in_day), rounds});
    char *by = sql("(SELECT id FROM identity_name WHERE value = x'%s')", identity);
    ask((question){"count_person", "count by kind, of an average identity", "-csv",
                   text("count --by kind --identity %s", identity),
                   sql("SELECT count(*) FROM message WHERE sender = %s OR recipient = %s;\n"
                       "SELECT count(*) FROM batch_message WHERE sender = %s OR recipient = %s;\n"
                       "SELECT count(*) FROM channel_created WHERE initiator = %s OR peer = %s;\n"
                       "SELECT count(*) FROM fetch WHERE recipient = %s;\n"
                       "SELECT count(*) FROM user_registered WHERE identity = %s;\n",
                       by, by, by, by, by, by, by, by), rounds});
    ask((question){"count_two", "count by user and hour, over all", "-csv", "count --by user,hour --top 10",
                   sql("SELECT user, hour, count(*) FROM (SELECT user, time / 3600000000 AS hour FROM auth UNION ALL "
                       "SELECT user, time / 3600000000 FROM user_registered) GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10;\n"),
                   rounds});
    ask((question){"count_pairs", "count by sender and recipient, over all", "-csv", "count --by sender,recipient --top 10",
                   sql("SELECT sender, recipient, count(*) FROM (SELECT sender, recipient FROM message UNION ALL "
                       "SELECT sender, recipient FROM batch_message) GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10;\n"), 1});
    ask((question){"count_distinct", "count of distinct users, by day", "-csv", "count --by day --distinct user",
                   sql("SELECT day, count(DISTINCT user) FROM (SELECT user, time / 86400000000 AS day FROM auth UNION ALL SELECT "
                       "user, time / 86400000000 FROM user_registered) GROUP BY 1;\n"), rounds});
}

/// Everything, in order of id, with a column for every field.
static void everything(void) {
    const char *view = "SELECT * FROM events;\n";
    ask((question){"ndjson", "all 10M as NDJSON, against sqlite3 -json", "-json", "events -o ndjson", (char *)view, 1});
    ask((question){"csv", "all 10M as CSV, against sqlite3 -csv", "-csv", "events -o csv", (char *)view, 1});
}

int main(int argc, char **argv) {
    if (argc < 5) die("queries COMMAND DIRECTORY END SUBJECTS");
    command = argv[1];
    directory = argv[2];
    end_seconds = atol(argv[3]);
    quick = is_quick(argc, argv);
    snprintf(log_path, sizeof log_path, "%s/events.db", directory);
    newest();
    about(argv[4], "average");
    about(argv[4], "busy");
    failures();
    counts();
    grouped(argv[4]);
    statistics();
    backfill();
    everything();
    return 0;
}
