// older_glibc.c: what Swift's runtime needs from a glibc newer than 2.34, so that the products also run on RHEL 9 and Ubuntu
// 22.04. Hidden: the host's own functions stay as they are.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/random.h>

// A sanitizer provides its own.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

/// glibc 2.36. The kernel's random bytes; a request for up to 256 never fails once the machine has booted.
__attribute__((visibility("hidden"))) void arc4random_buf(void *buffer, size_t count) {
    unsigned char *next = buffer;
    while (count > 0) {
        ssize_t got = getrandom(next, count, 0);
        if (got > 0) {
            next += got;
            count -= (size_t)got;
        } else if (got < 0 && errno != EINTR && errno != EAGAIN) {
            abort();
        }
    }
}

/// glibc 2.35 added a new version of it that does not set errno.
__attribute__((visibility("hidden"))) float hypotf(float x, float y) {
    if (isinf(x) || isinf(y)) return INFINITY;
    // The squares of floats and their sum are exact enough as doubles, and cannot overflow.
    return (float)sqrt((double)x * (double)x + (double)y * (double)y);
}

#endif
