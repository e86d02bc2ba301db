#ifndef CTRAINING_LOSSES_H
#define CTRAINING_LOSSES_H

#include <stdint.h>

double training_softmax_f(
    float *scores, int64_t stride, const int32_t *targets, const float *bias, int64_t rows, int64_t columns,
    double smoothing, double scale);
double training_softmax_d(
    double *scores, int64_t stride, const int32_t *targets, const double *bias, int64_t rows, int64_t columns,
    double smoothing, double scale);
void training_sum_columns_f(float *sums, const float *scores, int64_t stride, int64_t rows, int64_t columns);
void training_sum_columns_d(double *sums, const double *scores, int64_t stride, int64_t rows, int64_t columns);

#endif
