#ifndef CTRAINING_LAYERS_H
#define CTRAINING_LAYERS_H

#include <stdint.h>

#include "ctraining_dropout.h"

void training_add_bias_f(float *y, const float *bias, int64_t rows, int64_t columns);
void training_add_bias_d(double *y, const double *bias, int64_t rows, int64_t columns);
void training_fill_rows_f(float *y, int64_t stride, const float *row, int64_t rows, int64_t columns);
void training_fill_rows_d(double *y, int64_t stride, const double *row, int64_t rows, int64_t columns);
void training_sum_strided_f(float *sum, const float *x, int64_t stride, int64_t rows, int64_t columns);
void training_sum_strided_d(double *sum, const double *x, int64_t stride, int64_t rows, int64_t columns);

// Row y_index[i] of y = row x_index[i] of x, for i < rows; rows are counted where there is no index. A negative index of x is a row of zeros,
// one of y leaves it alone.
void training_copy_rows_f(
    float *y, const int32_t *y_index, const float *x, const int32_t *x_index, int64_t rows, int64_t columns);
void training_copy_rows_d(
    double *y, const int32_t *y_index, const double *x, const int32_t *x_index, int64_t rows, int64_t columns);

// x = dropout(x), in place.
void training_drop_f(float *x, int64_t count, struct training_dropout dropout);
void training_drop_d(double *x, int64_t count, struct training_dropout dropout);

// Sequences side by side: `starts` has where each begins, and at last the number of rows.
struct training_sequences {
  const int32_t *starts;
  int64_t count;
};

// A residual and a LayerNorm over rows of `columns` values; see layers.inc.
struct training_norm_f {
  int64_t rows, columns;
  const float *weight, *bias;
  float *normalised; // [rows, columns], kept for the backward pass
  float *inverse;    // [rows], 1 / standard deviation, kept too
  struct training_dropout dropout;
};
// A residual and a LayerNorm over rows of `columns` values; see layers.inc.
struct training_norm_d {
  int64_t rows, columns;
  const double *weight, *bias;
  double *normalised; // [rows, columns], kept for the backward pass
  double *inverse;    // [rows], 1 / standard deviation, kept too
  struct training_dropout dropout;
};

void training_residual_norm_f(const struct training_norm_f *norm, float *x, const float *addend, double epsilon, float *y);
void training_residual_norm_d(const struct training_norm_d *norm, double *x, const double *addend, double epsilon, double *y);
void training_residual_norm_backward_f(const struct training_norm_f *norm, const float *y_gradient, float *x_gradient, int adding,
    float *addend_gradient, float *weight_gradient, float *bias_gradient);
void training_residual_norm_backward_d(const struct training_norm_d *norm, const double *y_gradient, double *x_gradient, int adding,
    double *addend_gradient, double *weight_gradient, double *bias_gradient);
void training_relu_f(float *x, int64_t count, struct training_dropout dropout);
void training_relu_d(double *x, int64_t count, struct training_dropout dropout);
void training_relu_backward_f(float *gradient, const float *y, int64_t count, double scale);
void training_relu_backward_d(double *gradient, const double *y, int64_t count, double scale);
void training_gelu_f(const float *x, float *y, int64_t count, struct training_dropout dropout);
void training_gelu_d(const double *x, double *y, int64_t count, struct training_dropout dropout);
void training_gelu_backward_f(float *gradient, const float *x, int64_t count, struct training_dropout dropout);
void training_gelu_backward_d(double *gradient, const double *x, int64_t count, struct training_dropout dropout);
void training_embed_f(float *x, int64_t columns, const float *table, const int32_t *items, const float *positions,
    struct training_sequences sequences, struct training_dropout dropout);
void training_embed_d(double *x, int64_t columns, const double *table, const int32_t *items, const double *positions,
    struct training_sequences sequences, struct training_dropout dropout);
void training_embed_backward_f(float *gradient, int64_t columns, float *table_gradient, const int32_t *items, float *positions_gradient,
    struct training_sequences sequences, struct training_dropout dropout);
void training_embed_backward_d(double *gradient, int64_t columns, double *table_gradient, const int32_t *items,
    double *positions_gradient, struct training_sequences sequences, struct training_dropout dropout);

#endif
