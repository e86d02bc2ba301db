#ifndef CTRAINING_OPTIMISERS_H
#define CTRAINING_OPTIMISERS_H

#include <stdint.h>

struct training_adamw_settings {
  float beta1, beta2;
  /// Learning rate over 1 - beta1^t, and 1 over the root of 1 - beta2^t.
  float step_size, second_correction;
  float epsilon;
  /// What a weight keeps: 1 - learning rate * decay.
  float keep;
  /// Factor of the gradients' sum.
  float scale;
};

struct training_adagrad_settings {
  float learning_rate, momentum, epsilon;
  float keep, scale;
};

void training_adamw(
    float *values, float *first, float *second, float *const *gradients, int64_t replicas, int64_t offset,
    int64_t count, struct training_adamw_settings settings);
void training_adagrad(
    float *values, float *squares, float *moving, float *const *gradients, int64_t replicas, int64_t offset,
    int64_t count, struct training_adagrad_settings settings);
double training_square_sum(float *const *gradients, int64_t replicas, int64_t offset, int64_t count);
void training_average(float *average, const float *values, int64_t count, float decay);

#endif
