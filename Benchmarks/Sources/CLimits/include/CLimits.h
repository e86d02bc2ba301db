#ifndef CLIMITS_H
#define CLIMITS_H

#include <stddef.h>
#include <stdint.h>

/// Seconds of a clock that only goes forward.
double limits_now(void);

/// Does `rounds` rounds of fp32 multiply-adds on registers with the widest vectors that the machine has; returns the number of
/// operations (a multiply-add is two).
double limits_fma(long rounds);

/// The same for int8 dot products into int32; 0 where the machine has no such instruction.
double limits_int8(long rounds);

/// Reads `bytes` bytes at `memory` (64-byte aligned, a multiple of 256 bytes).
void limits_read(const void *memory, size_t bytes);

/// `bytes` bytes, 2 MiB aligned and on large pages where the system has them, all written once. NULL where there are none.
void *limits_allocate(size_t bytes);
void limits_free(void *memory);

/// Heap allocations of this thread so far, or -1 where they are not counted.
int64_t limits_allocations(void);

/// Shape of a plain SASRec: pre-LayerNorm, ReLU, learnt positions.
struct plain_sasrec {
  size_t width, blocks, heads, ffn, length;
  /// Floats of one block's weights: 4 maps width × width, 2 of width × ffn, row-major; the same numbers serve every benchmark.
  const float *weights;
  const float *items;
};

/// Floats that `scratch` needs.
size_t plain_sasrec_scratch(const struct plain_sasrec *model);
/// Encodes a window of `count` items from its beginning; `hidden` is [width].
void plain_sasrec_encode(const struct plain_sasrec *model, const int32_t *items, size_t count, float *scratch,
                         float *hidden);

/// Runs a GRU of `units` units over `count` items; `table` is [items][3 units], `weights` [3 units][units]. `hidden` is [units].
void plain_gru_encode(const float *table, const float *weights, size_t units, const int32_t *items, size_t count,
                      float *hidden);

/// The `k` best of `count` rows [count, width] by dot product, by a scan and a sorted list of the best.
void plain_top_k(const float *rows, size_t count, size_t width, const float *query, size_t k, int32_t *best,
                 float *scores);

#endif
