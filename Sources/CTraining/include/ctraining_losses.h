#ifndef CTRAINING_LOSSES_H
#define CTRAINING_LOSSES_H

#include <stdint.h>

double training_softmax_f(
    float *scores, int64_t stride, const int32_t *targets, const float *bias, int64_t rows, int64_t columns,
    double smoothing, double scale);
double training_softmax_d(
    double *scores, int64_t stride, const int32_t *targets, const double *bias, int64_t rows, int64_t columns,
    double smoothing, double scale);
void training_gather_f(float *out, const float *table, const int32_t *indexes, int64_t count, int64_t columns);
void training_gather_d(double *out, const double *table, const int32_t *indexes, int64_t count, int64_t columns);
void training_scatter_add_f(
    float *table, const float *x, const float *factors, int64_t factor_stride, const int32_t *indexes, int64_t count,
    int64_t columns);
void training_scatter_add_d(
    double *table, const double *x, const double *factors, int64_t factor_stride, const int32_t *indexes,
    int64_t count, int64_t columns);
void training_row_dots_f(
    float *out, int64_t out_stride, const float *a, const float *b, int64_t rows, int64_t columns);
void training_row_dots_d(
    double *out, int64_t out_stride, const double *a, const double *b, int64_t rows, int64_t columns);
void training_add_scaled_rows_f(
    float *y, const float *x, const float *factors, int64_t factor_stride, int64_t rows, int64_t columns);
void training_add_scaled_rows_d(
    double *y, const double *x, const double *factors, int64_t factor_stride, int64_t rows, int64_t columns);
void training_mask_targets_f(
    float *scores, int64_t stride, const int32_t *targets, const int32_t *candidates, int64_t own, int64_t rows,
    int64_t columns);
void training_mask_targets_d(
    double *scores, int64_t stride, const int32_t *targets, const int32_t *candidates, int64_t own, int64_t rows,
    int64_t columns);
double training_gbce_f(
    float *scores, int64_t stride, const float *bias, int64_t rows, int64_t negatives, double beta, double scale);
double training_gbce_d(
    double *scores, int64_t stride, const double *bias, int64_t rows, int64_t negatives, double beta, double scale);
double training_bpr_max_f(
    float *scores, int64_t stride, const float *bias, float *scratch, int64_t first_target, int64_t rows,
    int64_t columns, double regularisation, double scale);
double training_bpr_max_d(
    double *scores, int64_t stride, const double *bias, double *scratch, int64_t first_target, int64_t rows,
    int64_t columns, double regularisation, double scale);

#endif
