#include "ctraining_optimisers.h"

#define TRAINING_DOUBLE 0
#include "template.h"

#define BLOCK 512

// The sum of the replicas' gradients, in their order, of count <= BLOCK values from offset on.
static inline __attribute__((always_inline)) void add_up(
    float *sum, float *const *gradients, int64_t replicas, int64_t offset, int64_t count) {
  memcpy(sum, gradients[0] + offset, (size_t)count * sizeof(float));
  for (int64_t n = 1; n < replicas; n++) {
    const float *gradient = gradients[n] + offset;
    for (int64_t i = 0; i < count; i++) sum[i] += gradient[i];
  }
}

static inline __attribute__((always_inline)) void clear(
    float *const *gradients, int64_t replicas, int64_t offset, int64_t count) {
  for (int64_t n = 0; n < replicas; n++) memset(gradients[n] + offset, 0, (size_t)count * sizeof(float));
}

KERNEL void training_adamw(
    float *values, float *first, float *second, float *const *gradients, int64_t replicas, int64_t offset,
    int64_t count, struct training_adamw_settings s) {
  FAST_MATH
  float sum[BLOCK];
  for (int64_t done = 0; done < count; done += BLOCK) {
    const int64_t block = count - done < BLOCK ? count - done : BLOCK, at = offset + done;
    add_up(sum, gradients, replicas, at, block);
    clear(gradients, replicas, at, block);
    float *w = values + at, *m = first + at, *v = second + at;
    for (int64_t i = 0; i < block; i++) {
      const float g = sum[i] * s.scale;
      m[i] = s.beta1 * m[i] + (1 - s.beta1) * g;
      v[i] = s.beta2 * v[i] + (1 - s.beta2) * g * g;
      const float root = __builtin_elementwise_sqrt(v[i]) * s.second_correction + s.epsilon;
      w[i] = w[i] * s.keep - s.step_size * m[i] / root;
    }
  }
}

KERNEL void training_adagrad(
    float *values, float *squares, float *moving, float *const *gradients, int64_t replicas, int64_t offset,
    int64_t count, struct training_adagrad_settings s) {
  FAST_MATH
  float sum[BLOCK];
  for (int64_t done = 0; done < count; done += BLOCK) {
    const int64_t block = count - done < BLOCK ? count - done : BLOCK, at = offset + done;
    add_up(sum, gradients, replicas, at, block);
    clear(gradients, replicas, at, block);
    float *w = values + at, *a = squares + at, *v = moving + at;
    for (int64_t i = 0; i < block; i++) {
      const float g = sum[i] * s.scale;
      a[i] += g * g;
      const float scaled = s.learning_rate * g / __builtin_elementwise_sqrt(a[i] + s.epsilon);
      v[i] = s.momentum * v[i] - scaled;
      w[i] = w[i] * s.keep + v[i];
    }
  }
}

KERNEL double training_square_sum(float *const *gradients, int64_t replicas, int64_t offset, int64_t count) {
  FAST_MATH
  float sum[BLOCK];
  double total = 0;
  for (int64_t done = 0; done < count; done += BLOCK) {
    const int64_t block = count - done < BLOCK ? count - done : BLOCK;
    add_up(sum, gradients, replicas, offset + done, block);
    for (int64_t i = 0; i < block; i++) total += (double)sum[i] * (double)sum[i];
  }
  return total;
}

KERNEL void training_average(float *average, const float *values, int64_t count, float decay) {
  FAST_MATH
  for (int64_t i = 0; i < count; i++) average[i] += (1 - decay) * (values[i] - average[i]);
}
