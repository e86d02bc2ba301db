#include "ctraining_trainer.h"

#define TRAINING_DOUBLE 0
#include "template.h"

KERNEL int64_t training_items_before(const float *scores, int64_t count, int64_t target) {
  const float own = scores[target];
  int64_t before = 0;
  for (int64_t i = 0; i < target; i++) before += scores[i] >= own;
  for (int64_t i = target + 1; i < count; i++) before += scores[i] > own;
  return before;
}

KERNEL void training_swap(float *a, float *b, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float kept = a[i];
    a[i] = b[i];
    b[i] = kept;
  }
}

void training_gather_rows(float *to, const float *from, const int32_t *rows, int64_t count, int64_t columns) {
  for (int64_t r = 0; r < count; r++)
    memcpy(to + r * columns, from + (int64_t)rows[r] * columns, (size_t)columns * sizeof(float));
}

void training_scatter_rows(float *to, const float *from, const int32_t *rows, int64_t count, int64_t columns) {
  for (int64_t r = 0; r < count; r++)
    memcpy(to + (int64_t)rows[r] * columns, from + r * columns, (size_t)columns * sizeof(float));
}
