// sqlite_baseline.h: what a simple plugin would do: a mutex, and an INSERT inside the hook.
#ifndef SQLITE_BASELINE_H
#define SQLITE_BASELINE_H
#include "plugin_abi.h"
/// A log of one table in WAL mode, `synchronous` NORMAL.
void sqlite_log_open(const char *path);
void sqlite_log_begin(void);
void sqlite_log_commit(void);
void sqlite_log_fetch(const qpc_fetch_event *event);
void sqlite_log_close(void);
#endif
