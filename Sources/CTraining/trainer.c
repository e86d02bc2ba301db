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
