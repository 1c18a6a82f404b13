// spdlog_baseline.h: passes a record to spdlog's asynchronous logger in the cheapest way.
#ifndef SPDLOG_BASELINE_H
#define SPDLOG_BASELINE_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
/// A queue of `queue` records, one worker, a plain file, and a pattern with only the message.
void spdlog_open(const char *path, size_t queue);
void spdlog_write(const void *record, size_t bytes);
/// Returns when the worker has written everything.
void spdlog_drain(void);
void spdlog_close(void);
#ifdef __cplusplus
}
#endif
#endif
