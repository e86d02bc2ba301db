#ifndef CTRAINING_RECURRENT_H
#define CTRAINING_RECURRENT_H

#include <stdint.h>

// Buffers are time-major: the rows of a step stand together, longest sequence first, so that the first `next_rows` rows go on at `next`.

// GRU: r = σ(a_r + u_r), z = σ(a_z + u_z), n = tanh(a_n + r ⊙ u_n), h' = (1 − z) ⊙ n + z ⊙ h, where a has the input's part [rows, 3·size] and
// u the recurrent one, the biases still to be added. Leaves r, z, n in a, and u_n with its bias in u's last third.
void training_gru_forward_f(
    float *a, float *u, const float *input_bias, const float *recurrent_bias, const float *previous, float *hidden,
    float *next, int64_t rows, int64_t next_rows, int64_t size);
void training_gru_forward_d(
    double *a, double *u, const double *input_bias, const double *recurrent_bias, const double *previous,
    double *hidden, double *next, int64_t rows, int64_t next_rows, int64_t size);

// Given the gradient of h', `gradient` plus `carry` in the first `next_rows` rows: a and u become the gradients of what they were before
// `forward`, and carry that of h as far as it comes past the matrix.
void training_gru_backward_f(
    float *a, float *u, const float *previous, const float *gradient, float *carry, int64_t rows, int64_t next_rows,
    int64_t size);
void training_gru_backward_d(
    double *a, double *u, const double *previous, const double *gradient, double *carry, int64_t rows,
    int64_t next_rows, int64_t size);

// LSTM: i, f, o = σ(a), g = tanh(a_g), c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c'), where a [rows, 4·size] has both parts, the biases still to be
// added. Leaves i, f, g, o in a, and tanh(c') in `squashed`.
void training_lstm_forward_f(
    float *a, const float *input_bias, const float *recurrent_bias, const float *previous_cell, float *cell,
    float *squashed, float *hidden, float *next, float *next_cell, int64_t rows, int64_t next_rows, int64_t size);
void training_lstm_forward_d(
    double *a, const double *input_bias, const double *recurrent_bias, const double *previous_cell, double *cell,
    double *squashed, double *hidden, double *next, double *next_cell, int64_t rows, int64_t next_rows, int64_t size);

// As for the GRU; `cell_carry` goes from the gradient of c' (its first `next_rows` rows) to that of c.
void training_lstm_backward_f(
    float *a, const float *previous_cell, const float *squashed, const float *gradient, const float *carry,
    float *cell_carry, int64_t rows, int64_t next_rows, int64_t size);
void training_lstm_backward_d(
    double *a, const double *previous_cell, const double *squashed, const double *gradient, const double *carry,
    double *cell_carry, int64_t rows, int64_t next_rows, int64_t size);

// The functions that the gates use.
void training_sigmoid_f(float *x, int64_t count);
void training_sigmoid_d(double *x, int64_t count);
void training_tanh_f(float *x, int64_t count);
void training_tanh_d(double *x, int64_t count);

#endif
