#ifndef CTRAINING_LAYERS_H
#define CTRAINING_LAYERS_H

#include <stdint.h>

void training_add_f(float *y, const float *x, int64_t count);
void training_add_d(double *y, const double *x, int64_t count);
void training_add_bias_f(float *y, const float *bias, int64_t rows, int64_t columns);
void training_add_bias_d(double *y, const double *bias, int64_t rows, int64_t columns);
void training_sum_rows_f(float *sum, const float *x, int64_t rows, int64_t columns);
void training_sum_rows_d(double *sum, const double *x, int64_t rows, int64_t columns);

#endif
