// program.h: the words that this program was started with, as the C runtime hands them over. Swift reads them from /proc,
// which a chroot or a container may not have; the command would then ignore what it was asked.
#ifndef QPCM_PROGRAM_H
#define QPCM_PROGRAM_H

#include <stdint.h>

/// How many words there are, the program's own name included.
int32_t qpcm_argument_count(void);

/// One of them, or null.
const char *qpcm_argument(int32_t index);

/// This process is killed when the one that started it ends.
void qpcm_end_with_parent(void);

enum { QPCM_SHARED_PAGE_BYTES = 4096 };

/// A page of zeroes that a child which inherits the descriptor can map too; or -1.
int32_t qpcm_make_shared_page(void);

/// The page; null if it cannot be mapped. It stays until the process ends.
void *qpcm_map_shared_page(int32_t descriptor);

/// The path that the kernel started; null if it is not known.
const char *qpcm_program_path(void);

#endif
