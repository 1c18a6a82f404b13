#define _GNU_SOURCE
#include "program.h"

#include <stddef.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static int32_t argument_count;
static char **arguments;

// glibc also passes main's parameters to constructors, which run before it.
__attribute__((constructor)) static void remember(int argc, char **argv) {
    argument_count = argc;
    arguments = argv;
}

int32_t qpcm_argument_count(void) { return argument_count; }

const char *qpcm_argument(int32_t index) {
    return index >= 0 && index < argument_count ? arguments[index] : NULL;
}

const char *qpcm_program_path(void) { return (const char *)getauxval(AT_EXECFN); }

void qpcm_end_with_parent(void) {
    pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have ended before the call.
    if (getppid() != parent) raise(SIGKILL);
}

int32_t qpcm_make_shared_page(void) {
    int descriptor = memfd_create("qpc-metrics", 0);
    if (descriptor >= 0 && ftruncate(descriptor, QPCM_SHARED_PAGE_BYTES) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

void *qpcm_map_shared_page(int32_t descriptor) {
    void *page = mmap(NULL, QPCM_SHARED_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    return page == MAP_FAILED ? NULL : page;
}
