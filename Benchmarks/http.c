// http.c: `qpc-metrics serve` under load, against prometheus-cpp's exposer and node_exporter, and among slow clients.
//
//   http BIN [--quick]
//
// BIN is qpc-metrics. BENCH_EXPOSER names the built exposer_baseline.cpp. Needs wrk and prometheus-node-exporter.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

static int quick;

// MARK: The servers

static int free_port(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    if (bind(fd, (struct sockaddr *)&name, size) != 0 || getsockname(fd, (struct sockaddr *)&name, &size) != 0)
        die("no free port: %s", strerror(errno));
    close(fd);
    return ntohs(name.sin_port);
}

/// Connects from one address of this machine to another; -1 if refused.
static int connect_from(uint32_t from, int port, int receive_bytes, int flags) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("no socket: %s", strerror(errno));
    if (receive_bytes) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(from)};
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0 || connect(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        close(fd);
        return -1;
    }
    if (flags) fcntl(fd, F_SETFL, flags);
    return fd;
}

/// One scrape on its own connection. Returns the length of the response, or 0 if it was refused.
static size_t scrape(int port, char *page, size_t room) {
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
    int fd = connect_from(INADDR_LOOPBACK, port, 0, 0);
    if (fd < 0) return 0;
    size_t filled = 0;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1) {
        ssize_t count;
        while (filled < room - 1 && (count = recv(fd, page + filled, room - 1 - filled, 0)) > 0) filled += (size_t)count;
    }
    close(fd);
    page[filled] = 0;
    return strncmp(page, "HTTP/1.1 200", 12) == 0 ? filled : 0;
}

static char page[4 << 20];

/// Starts a program whose standard input closes when this one ends, and waits until it answers.
static pid_t start(int port, char *const *arguments) {
    static int never[2] = {-1, -1};
    if (never[0] < 0 && pipe(never) != 0) die("no pipe");
    fcntl(never[1], F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int nowhere = open("/dev/null", O_RDWR);
        dup2(never[0], 0);
        dup2(nowhere, 1);
        dup2(nowhere, 2);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    for (int attempts = 0; scrape(port, page, sizeof page) == 0; attempts++) {
        if (attempts > 1000 || waitpid(pid, NULL, WNOHANG) == pid) die("%s does not serve", arguments[0]);
        sleep_ns(10000000);
    }
    return pid;
}

static double resident_mib(pid_t pid) {
    char name[64], line[256];
    snprintf(name, sizeof name, "/proc/%d/status", pid);
    FILE *file = fopen(name, "r");
    long kib = 0;
    while (file && fgets(line, sizeof line, file)) sscanf(line, "VmRSS: %ld", &kib);
    if (file) fclose(file);
    return (double)kib / 1024;
}

// MARK: Load

typedef struct load {
    double requests;  // per second
    double p99;       // microseconds
} load;

static double microseconds(const char *words) {
    char unit[8] = "";
    double value = 0;
    sscanf(words, "%lf%7[a-z]", &value, unit);
    return strcmp(unit, "s") == 0 ? value * 1e6 : strcmp(unit, "ms") == 0 ? value * 1e3 : value;
}

static load wrk(int port) {
    FILE *output = popen(text("wrk -t1 -c8 -d%ds --latency http://127.0.0.1:%d/metrics 2>&1", quick ? 2 : 4, port), "r");
    load found = {0, 0};
    char line[256], words[64];
    while (output && fgets(line, sizeof line, output)) {
        if (sscanf(line, "Requests/sec: %lf", &found.requests) == 1) continue;
        if (sscanf(line, " 99%% %63s", words) == 1) found.p99 = microseconds(words);
        if (strstr(line, "Non-2xx")) die("wrk: %s", line);
    }
    if (!output || pclose(output) != 0 || found.requests == 0) die("wrk does not run");
    return found;
}

enum { ROUNDS = 5 };

static void compare(const int *ports) {
    const int rounds = quick ? 3 : ROUNDS;
    double requests[3][ROUNDS], p99[3][ROUNDS];
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < 3; i++) {
            load found = wrk(ports[i]);
            requests[i][round] = found.requests;
            p99[i][round] = found.p99;
        }
    }
    double more = median_ratio(requests[0], requests[1], rounds), most = median_ratio(requests[0], requests[2], rounds);
    double later = median_ratio(p99[0], p99[1], rounds);
    const char *ours = text("%.0f requests/s", median(requests[0], rounds));
    report("http.requests", "/metrics, 8 connections", ours, text("%.0f prometheus-cpp", median(requests[1], rounds)),
           more, "x");
    report("http.requests_go", "...", ours, text("%.0f node_exporter", median(requests[2], rounds)), most, "x");
    report("http.p99", "... p99 of responses", text("%.0f us", median(p99[0], rounds)),
           text("%.0f us prometheus-cpp", median(p99[1], rounds)), later, "x");
    report("http.p99_go", "...", text("%.0f us", median(p99[0], rounds)),
           text("%.0f us node_exporter", median(p99[2], rounds)), median_ratio(p99[0], p99[2], rounds), "x");
}

// MARK: Slow clients

enum { CROWD = 500, ADDRESSES = 25 };

static _Atomic int stop_crowd;
static int crowd_port;

/// Half of them send a request head byte by byte; the others keep sending requests, and read a few bytes of the responses now and
/// then. A client that is disconnected comes back after a second. They use so many addresses that no per-address limit stops
/// them.
static void *crowd(void *nothing) {
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: slow\r\n\r\n";
    static struct { int fd; uint64_t returns; unsigned sent; } all[CROWD];
    for (int i = 0; i < CROWD; i++) all[i].fd = -1;
    for (unsigned round = 0; !atomic_load(&stop_crowd); round++) {
        uint64_t now = now_ns();
        for (int i = 0; i < CROWD; i++) {
            const int reads = i % 2;
            if (all[i].fd < 0) {
                if (now < all[i].returns) continue;
                all[i].fd = connect_from(INADDR_LOOPBACK + 1 + (uint32_t)i / 2 % ADDRESSES, crowd_port, reads ? 4096 : 0,
                                         O_NONBLOCK);
                all[i].sent = 0;
                if (all[i].fd < 0) all[i].returns = now + 1000000000;
                continue;
            }
            // Each client acts in one round out of ten.
            if ((round + (unsigned)i) % 10) continue;
            char bytes[64];
            ssize_t sent = reads ? send(all[i].fd, request, sizeof request - 1, MSG_NOSIGNAL)
                                 : send(all[i].fd, request + all[i].sent % 20, 1, MSG_NOSIGNAL);
            if (sent > 0) all[i].sent++;
            ssize_t taken = recv(all[i].fd, bytes, sizeof bytes, 0);
            if (taken > 0 || (taken < 0 && errno == EAGAIN)) continue;
            close(all[i].fd);
            all[i].fd = -1;
            all[i].returns = now + 1000000000;
        }
        sleep_ns(20000000);
    }
    for (int i = 0; i < CROWD; i++) {
        if (all[i].fd >= 0) close(all[i].fd);
    }
    return nothing;
}

typedef struct times {
    double p99, most;  // milliseconds
    int refused;
} times;

static times scrapes(int port, int count) {
    static double spent[1000];
    times found = {0, 0, 0};
    for (int i = 0; i < count; i++) {
        uint64_t begin = now_ns();
        if (scrape(port, page, sizeof page) == 0) found.refused++;
        spent[i] = (double)(now_ns() - begin) / 1e6;
        sleep_ns(10000000);
    }
    found.p99 = quantile(spent, (size_t)count, 0.99);
    found.most = spent[count - 1];  // sorted now
    return found;
}

static void among_slow(int port) {
    const int count = quick ? 200 : 500;
    times alone = scrapes(port, count);
    crowd_port = port;
    pthread_t thread;
    pthread_create(&thread, NULL, crowd, NULL);
    sleep_ns(3000000000);
    times among = scrapes(port, count);
    atomic_store(&stop_crowd, 1);
    pthread_join(thread, NULL);
    report("http.crowd", "99% of scrapes among 500 slow clients", text("%.1f ms", among.p99),
           text("%.1f ms alone", alone.p99), among.p99, "ms");
    report("http.crowd_most", "... the slowest", text("%.1f ms", among.most), text("%.1f ms alone", alone.most),
           among.most, "ms");
    report("http.refused", "... refused", text("%d of %d", among.refused, count), "", among.refused, "scrapes");
}

// MARK: All of it

/// The number of samples on the page whose line contains `part`; of all samples if it is empty.
static int lines_with(const char *part) {
    int count = 0;
    for (char *line = strstr(page, "\r\n\r\n") + 4; line && *line;) {
        char *end = strchr(line, '\n');
        if (end) *end = 0;
        if (*line != '#' && strstr(line, part)) count++;
        if (end) *end = '\n';
        line = end ? end + 1 : NULL;
    }
    return count;
}

int main(int argc, char **argv) {
    quick = is_quick(argc, argv);
    const char *exposer = getenv("BENCH_EXPOSER");
    if (argc < 2 || !exposer) die("http: expected the path of qpc-metrics, and BENCH_EXPOSER to be set");
    signal(SIGPIPE, SIG_IGN);
    const char *directory = new_directory("http");
    qpc_hook_vtable table = plugin_start((plugin_settings){directory, NULL, NULL, NULL});
    static calls events;
    calls_make(&events);
    for (int kind = 0; kind < CALL_KINDS; kind++) call_many(&table, &events, kind, 5000);

    int ports[3] = {free_port(), free_port(), free_port()};
    const char *address = text("--web.listen-address=127.0.0.1:%d", ports[0]);
    pid_t ours = start(ports[0], (char *const[]){
        argv[1], "serve", "--dir", (char *)directory, (char *)address, "--log.level=error", NULL});
    scrape(ports[0], page, sizeof page);
    int buckets = lines_with("_bucket{"), samples = lines_with(""), histograms = lines_with("le=\"+Inf\"");
    int plain = samples - buckets - 2 * histograms;
    pid_t theirs = start(ports[1], (char *const[]){
        (char *)exposer, (char *)text("%d", ports[1]), (char *)text("%d", plain), (char *)text("%d", histograms),
        (char *)text("%d", buckets / histograms), NULL});
    scrape(ports[1], page, sizeof page);
    fprintf(stderr, "bench: %d samples on our page, %d on prometheus-cpp's\n", samples, lines_with(""));
    pid_t node = start(ports[2], (char *const[]){
        "prometheus-node-exporter", "--collector.disable-defaults",
        (char *)text("--web.listen-address=127.0.0.1:%d", ports[2]), NULL});

    compare(ports);
    double loaded = resident_mib(ours);
    among_slow(ports[0]);
    double crowded = resident_mib(ours);
    double most = loaded > crowded ? loaded : crowded;
    report("http.rss", "memory of serve after all that", text("%.1f MiB", most),
           text("%.1f MiB prometheus-cpp", resident_mib(theirs)), most, "MiB");
    pid_t all[] = {ours, theirs, node};
    for (int i = 0; i < 3; i++) {
        kill(all[i], SIGTERM);
        waitpid(all[i], NULL, 0);
    }
    plugin_stop(&table);
    return 0;
}
