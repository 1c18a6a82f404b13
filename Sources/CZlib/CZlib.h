#include <zlib.h>

/// `deflateInit2`, a macro in C, as a function, for gzip.
static inline int qpcm_gzip_init(z_streamp stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
