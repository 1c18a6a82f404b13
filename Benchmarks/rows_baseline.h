// rows_baseline.h: the floor of the drain: a bare loop of prepared INSERTs of the same rows, all integers.
#ifndef ROWS_BASELINE_H
#define ROWS_BASELINE_H

#include "traffic.h"

/// A database with the log's tables, page size and journal mode. `checkpoints`: SQLite's own, every 1,000 pages.
typedef struct rows rows;
rows *rows_open(const char *path, int checkpoints);
/// Inserts the events, 10,000 per transaction.
void rows_insert(rows *target, const event *events, size_t count);
void rows_close(rows *target);

#endif
