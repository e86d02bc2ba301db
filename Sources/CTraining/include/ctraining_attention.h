#ifndef CTRAINING_ATTENTION_H
#define CTRAINING_ATTENTION_H

#include <stdint.h>

#include "ctraining_layers.h"

void training_rotate_f(float *x, int64_t stride, const float *cosines, const float *sines, int64_t heads, int64_t size, double direction,
    struct training_sequences sequences);
void training_rotate_d(double *x, int64_t stride, const double *cosines, const double *sines, int64_t heads, int64_t size,
    double direction, struct training_sequences sequences);
void training_causal_softmax_f(float *scores, int64_t stride, int64_t before, int64_t count, float *dropped, int64_t dropped_stride,
    struct training_dropout dropout, uint32_t first);
void training_causal_softmax_d(double *scores, int64_t stride, int64_t before, int64_t count, double *dropped, int64_t dropped_stride,
    struct training_dropout dropout, uint32_t first);
void training_causal_softmax_backward_f(const float *probabilities, int64_t stride, int64_t before, int64_t count, float *gradient,
    int64_t gradient_stride, float *dropped, struct training_dropout dropout);
void training_causal_softmax_backward_d(const double *probabilities, int64_t stride, int64_t before, int64_t count, double *gradient,
    int64_t gradient_stride, double *dropped, struct training_dropout dropout);

#endif
