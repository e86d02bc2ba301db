#ifndef CTRAINING_TRAINER_H
#define CTRAINING_TRAINER_H

#include <stdint.h>

/// Items that stand before `target` in the ranking of `scores`: higher ones, and equal ones of a lower row.
int64_t training_items_before(const float *scores, int64_t count, int64_t target);
void training_swap(float *a, float *b, int64_t count);
/// Copies `rows` rows of `columns` values: row `from[r]` to row `r`, or (scatter) row `r` to row `to[r]`.
void training_gather_rows(float *to, const float *from, const int32_t *rows, int64_t count, int64_t columns);
void training_scatter_rows(float *to, const float *from, const int32_t *rows, int64_t count, int64_t columns);

#endif
