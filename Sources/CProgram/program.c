#include "program.h"

#include <stddef.h>
#include <sys/auxv.h>

static int32_t argument_count;
static char **arguments;

// glibc passes main's parameters to what runs before it.
__attribute__((constructor)) static void remember(int argc, char **argv) {
    argument_count = argc;
    arguments = argv;
}

int32_t qpcm_argument_count(void) { return argument_count; }

const char *qpcm_argument(int32_t index) {
    return index >= 0 && index < argument_count ? arguments[index] : NULL;
}

const char *qpcm_program_path(void) { return (const char *)getauxval(AT_EXECFN); }
