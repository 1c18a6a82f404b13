// program.h: the words that this program was started with, as the C runtime hands them over. Swift reads them from /proc,
// which a chroot or a container may not have; the command would then ignore what it was asked.
#ifndef QPCM_PROGRAM_H
#define QPCM_PROGRAM_H

#include <stdint.h>

/// How many words there are, the program's own name included.
int32_t qpcm_argument_count(void);

/// One of them, or null.
const char *qpcm_argument(int32_t index);

/// The path that the kernel started; null if it is not known.
const char *qpcm_program_path(void);

#endif
