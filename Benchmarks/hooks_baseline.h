// hooks_baseline.h: the hooks' work in C, the floor: see hooks_baseline.c.
#ifndef HOOKS_BASELINE_H
#define HOOKS_BASELINE_H

#include "plugin_abi.h"

/// Makes `directory`/floor.mem with a ring for each of `threads` threads, faults it in, starts the consumer and fills
/// the table with the same functions as the plugin's, called the same way. Returns 0, or -1.
typedef int (*floor_init_function)(qpc_hook_vtable *table, const char *directory, size_t ring_bytes, int threads);

#endif
