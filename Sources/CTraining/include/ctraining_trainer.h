#ifndef CTRAINING_TRAINER_H
#define CTRAINING_TRAINER_H

#include <stdint.h>

/// Items that stand before `target` in the ranking of `scores`: higher ones, and equal ones of a lower row.
int64_t training_items_before(const float *scores, int64_t count, int64_t target);
void training_swap(float *a, float *b, int64_t count);

#endif
