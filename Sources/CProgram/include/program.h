// program.h: this program's arguments, as the C runtime passes them, and calls about its process. Swift reads arguments from
// /proc, which a chroot or a container may not have; the command would then ignore what it was asked to do.
#ifndef QPCM_PROGRAM_H
#define QPCM_PROGRAM_H

#include <stdint.h>

/// The number of arguments, including the program's own name.
int32_t qpcm_argument_count(void);

/// One argument, or null.
const char *qpcm_argument(int32_t index);

/// Arranges for this process to be killed when the one that started it ends.
void qpcm_end_with_parent(void);

enum { QPCM_SHARED_PAGE_BYTES = 4096 };

/// Creates a zeroed page that a child that inherits the descriptor can map too. The descriptor, or -1.
int32_t qpcm_make_shared_page(void);

/// Maps the page; null if that fails. It stays mapped until the process ends.
void *qpcm_map_shared_page(int32_t descriptor);

/// The path that the kernel executed; null if unknown.
const char *qpcm_program_path(void);

#endif
