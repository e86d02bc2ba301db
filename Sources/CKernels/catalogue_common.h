#ifndef INTENTD_CATALOGUE_COMMON_H
#define INTENTD_CATALOGUE_COMMON_H

// What all kernels share. Each kernel's file compiles these bodies for its own instruction set.

#include <math.h>
#include <string.h>

#include "CKernels.h"

#pragma STDC FP_CONTRACT OFF

#define BODY static inline __attribute__((always_inline))

extern const struct intentd_catalogue_kernels intentd_catalogue_portable;
extern const struct intentd_catalogue_kernels intentd_catalogue_neon;
extern const struct intentd_catalogue_kernels intentd_catalogue_avx2;
extern const struct intentd_catalogue_kernels intentd_catalogue_avx512;

// A double computed from at most 1024 squares or products is within a factor 1 ± 2^-42 of the exact value (and its
// square root closer), so these two factors turn it into a bound from above.
#define UPWARDS (1 + 0x1p-40)

/// √x as one instruction: a call would need libm, which a target of a Swift package does not link by itself.
BODY double square_root(double x) { return __builtin_elementwise_sqrt(x); }

/// The nearest whole number, ties to even, for |x| < 2^51.
BODY double nearest(double x) { return (x + 0x1.8p52) - 0x1.8p52; }

BODY double square_sum(const float *row, size_t width) {
  // Eight chains, so that it vectorises without reordering a sum.
  double sums[8] = {0};
  size_t i = 0;
  for (; i + 8 <= width; i += 8)
    for (size_t j = 0; j < 8; j++) sums[j] += (double)row[i + j] * (double)row[i + j];
  for (; i < width; i++) sums[i % 8] += (double)row[i] * (double)row[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

BODY float largest_magnitude(const float *row, size_t width) {
  float largest[8] = {0};
  size_t i = 0;
  for (; i + 8 <= width; i += 8)
    for (size_t j = 0; j < 8; j++) {
      float magnitude = __builtin_fabsf(row[i + j]);
      largest[j] = magnitude > largest[j] ? magnitude : largest[j];
    }
  for (; i < width; i++) largest[0] = __builtin_fabsf(row[i]) > largest[0] ? __builtin_fabsf(row[i]) : largest[0];
  for (size_t j = 1; j < 8; j++) largest[0] = largest[j] > largest[0] ? largest[j] : largest[0];
  return largest[0];
}

BODY void norms_body(const float *matrix, size_t width, size_t first, size_t count, double *norms) {
  for (size_t r = 0; r < count; r++) {
    // The sum of squares of finite floats is finite in double, that of others is not.
    double sum = square_sum(matrix + (first + r) * width, width);
    norms[r] = sum < INFINITY ? square_root(sum) * UPWARDS : INFINITY;
  }
}

/// Quantises `width` finite numbers to `bytes` by 1 / scale and returns a bound of the norm of what is lost.
BODY double quantise_row(const float *row, size_t width, double scale, double norm, int8_t *bytes) {
  double sums[8] = {0}, inverse = 1 / scale;
  size_t i = 0;
  for (; i + 8 <= width; i += 8)
    for (size_t j = 0; j < 8; j++) {
      double q = nearest((double)row[i + j] * inverse);
      double lost = (double)row[i + j] - scale * q;
      sums[j] += lost * lost;
      bytes[i + j] = (int8_t)(int32_t)q;
    }
  for (; i < width; i++) {
    double q = nearest((double)row[i] * inverse), lost = (double)row[i] - scale * q;
    sums[i % 8] += lost * lost;
    bytes[i] = (int8_t)(int32_t)q;
  }
  double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  // `lost` itself is off by at most 2^-52 (|row| + |lost|) in each element.
  return square_root(sum) * UPWARDS + 0x1p-40 * norm;
}

BODY void pack_body(const float *matrix, size_t width, const int32_t *order, size_t count, int32_t row_offset,
                    uint8_t *packed, struct intentd_block *block) {
  size_t groups = (width + 3) / 4;
  float largest = 0;
  for (size_t r = 0; r < count; r++) {
    if (r + 8 < count) __builtin_prefetch(matrix + (size_t)order[r + 8] * width);
    float magnitude = largest_magnitude(matrix + (size_t)order[r] * width, width);
    largest = magnitude > largest ? magnitude : largest;
  }
  block->scale = largest > 0 ? (double)largest / 127 : 1;
  block->norm = block->error = 0;
  int8_t bytes[1024 + 4];
  for (size_t r = 0; r < INTENTD_BLOCK_ROWS; r++) {
    memset(bytes, 0, groups * 4);
    if (r < count) {
      const float *row = matrix + (size_t)order[r] * width;
      double norm = square_root(square_sum(row, width)) * UPWARDS;
      double error = quantise_row(row, width, block->scale, norm, bytes);
      block->norm = norm > block->norm ? norm : block->norm;
      block->error = error > block->error ? error : block->error;
    }
    uint32_t flip = row_offset == 128 ? 0x80808080u : 0;
    for (size_t g = 0; g < groups; g++) {
      uint32_t four;
      memcpy(&four, bytes + g * 4, 4);
      four ^= flip;
      memcpy(packed + (g * INTENTD_BLOCK_ROWS + r) * 4, &four, 4);
    }
  }
}

BODY void quantise_body(const float *query, size_t width, int32_t *packed, struct intentd_query *out) {
  double squares = square_sum(query, width);
  out->finite = squares < INFINITY;
  if (!out->finite) return;
  float largest = largest_magnitude(query, width);
  size_t groups = (width + 3) / 4;
  int8_t bytes[1024 + 4];
  memset(bytes + (groups - 1) * 4, 0, 4);
  out->scale = largest > 0 ? (double)largest / 127 : 1;
  out->norm = square_root(squares) * UPWARDS;
  out->residue = quantise_row(query, width, out->scale, out->norm, bytes);
  int32_t sum = 0, square = 0;
  for (size_t i = 0; i < width; i++) {
    sum += bytes[i];
    square += bytes[i] * bytes[i];
  }
  out->sum = sum;
  out->packed_norm = square_root((double)square) * out->scale * UPWARDS;
  for (size_t g = 0; g < groups; g++) memcpy(packed + g * INTENTD_QUAD, bytes + g * 4, 4);
}

// A limit outside these bounds decides for every sum alike: |Σ p · q| < 2^25, |step · bias| ≤ 2^28.
#define LEAST_LIMIT -0x1p30
#define GREATEST_LIMIT 0x1p28

BODY void limits_loop(const struct intentd_bounds *bounds, size_t first, size_t blocks, size_t slots, int32_t *starts,
                      float *steps, const int biased) {
  for (size_t s = 0; s < slots; s++) {
    double threshold = bounds->thresholds[s], inverse = bounds->inverse_query_scales[s];
    double a = bounds->norm_factors[s], c = bounds->error_factors[s];
    int32_t offset = bounds->offsets[s];
#pragma clang loop vectorize_width(8) interleave_count(1)
    for (size_t j = 0; j < blocks; j++) {
      size_t b = first + j;
      double error = a * bounds->norms[b] + c * bounds->errors[b] + bounds->extras[b];
      double unit = bounds->inverse_scales[b] * inverse;
      double limit = (threshold - error) * unit - 2;
      if (biased) {
        double reach = bounds->biases[b] * unit;
        limit -= 0x1p-21 * (__builtin_fabs(limit) + reach) + 8;  // what fp32 makes of start + step · bias
        int fits = reach <= GREATEST_LIMIT;
        limit = fits ? limit : LEAST_LIMIT;
        steps[s * INTENTD_TILE_BLOCKS + j] = fits ? (float)unit : 0;
      }
      limit = limit < GREATEST_LIMIT ? limit : GREATEST_LIMIT;
      limit = limit > LEAST_LIMIT ? limit : LEAST_LIMIT;
      starts[s * INTENTD_TILE_BLOCKS + j] = -(int32_t)limit - offset;
    }
  }
}

BODY void limits_body(const struct intentd_bounds *bounds, size_t first, size_t blocks, size_t slots, int32_t *starts,
                      float *steps) {
  // Apart, as a masked load through the absent `biases` would cost more than all the rest.
  if (bounds->biases) limits_loop(bounds, first, blocks, slots, starts, steps, 1);
  else limits_loop(bounds, first, blocks, slots, starts, steps, 0);
}

BODY double error_of(const struct intentd_bounds *bounds, size_t block, size_t slot) {
  return bounds->norm_factors[slot] * bounds->norms[block] + bounds->error_factors[slot] * bounds->errors[block] +
         bounds->extras[block];
}

BODY size_t refine_body(const struct intentd_bounds *bounds, size_t first, size_t slot, const int32_t *rows,
                        const int32_t *sums, size_t count, const struct intentd_intervals *out) {
  double threshold = bounds->thresholds[slot], scale = bounds->query_scales[slot];
  int32_t offset = bounds->offsets[slot];
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    size_t position = first * INTENTD_BLOCK_ROWS + (size_t)rows[i], block = position / INTENTD_BLOCK_ROWS;
    double estimate = (sums[i] - offset) * (scale * bounds->scales[block]), error = error_of(bounds, block, slot);
    if (bounds->position_biases) estimate += (double)bounds->position_biases[position];
    out->positions[found] = (int32_t)position;
    out->lowers[found] = estimate - error;
    out->uppers[found] = estimate + error;
    found += !(estimate + error < threshold);
  }
  return found;
}

BODY void maxima_body(const struct intentd_bounds *bounds, size_t blocks, size_t slot, const int32_t *sums,
                      const struct intentd_intervals *out) {
  for (size_t part = 0; part < blocks * 4; part++, sums += 16) {
    double unit = bounds->query_scales[slot] * bounds->scales[part / 4], error = error_of(bounds, part / 4, slot);
    size_t best = 0;
    double estimate;
    if (bounds->position_biases) {
      const float *bias = bounds->position_biases + part * 16;
      estimate = sums[0] * unit + (double)bias[0];
      for (size_t r = 1; r < 16; r++) {
        double other = sums[r] * unit + (double)bias[r];
        best = other > estimate ? r : best;
        estimate = other > estimate ? other : estimate;
      }
    } else {
      // Number and row in one, so that the maximum of the pairs vectorises; no sum reaches 2^26.
      int32_t pairs[16], most = INT32_MIN;
      for (size_t r = 0; r < 16; r++) pairs[r] = sums[r] * 16 + (int32_t)r;
      for (size_t r = 0; r < 16; r++) most = pairs[r] > most ? pairs[r] : most;
      best = (size_t)(most & 15);
      estimate = sums[best] * unit;
    }
    out->positions[part] = (int32_t)(part * 16 + best);
    out->lowers[part] = estimate - error;
    out->uppers[part] = estimate + error;
  }
}

BODY double kth_greatest_body(const double *numbers, size_t count, size_t k) {
  for (size_t i = 0; i < count; i++) {
    int64_t greater = 0, alike = 0;
    for (size_t j = 0; j < count; j++) {
      greater += numbers[j] > numbers[i];
      alike += numbers[j] == numbers[i];
    }
    if (greater < (int64_t)k && greater + alike >= (int64_t)k) return numbers[i];
  }
  return -INFINITY;
}

/// Writes the hits of one block and slot: the rows whose bit is set. `sums` counts from the row's own start.
BODY size_t emit(const struct intentd_scan *scan, size_t block, size_t slot, uint64_t mask, const int32_t *sums,
                 const int32_t *starts) {
  size_t at = slot * scan->hit_stride + (size_t)scan->hit_counts[slot], found = 0;
  for (; mask; mask &= mask - 1, found++) {
    int row = __builtin_ctzll(mask);
    scan->hit_rows[at + found] = (int32_t)(block * INTENTD_BLOCK_ROWS) + row;
    scan->hit_sums[at + found] = sums[row] - starts[row];
  }
  scan->hit_counts[slot] += (int32_t)found;
  return found;
}

/// The 64 start values of one block and slot.
BODY void fill_starts(const struct intentd_scan *scan, size_t block, size_t slot, int32_t *starts) {
  int32_t start = scan->starts[slot * INTENTD_TILE_BLOCKS + block];
  if (!scan->bias) {
    for (size_t r = 0; r < INTENTD_BLOCK_ROWS; r++) starts[r] = start;
    return;
  }
  const float *bias = scan->bias + block * INTENTD_BLOCK_ROWS;
  float step = scan->steps[slot * INTENTD_TILE_BLOCKS + block], base = (float)start;
  for (size_t r = 0; r < INTENTD_BLOCK_ROWS; r++) starts[r] = (int32_t)(bias[r] * step + base);
}

/// Cache lines of a block that each quad prefetches of the next one.
BODY size_t prefetch_share(const struct intentd_scan *scan) {
  size_t quads = (scan->slots + 3) / 4;
  return (scan->groups * 4 + quads - 1) / quads;
}

/// Prefetches the part of the block behind `rows` that falls to the quad of `slot`.
BODY void prefetch_next(const struct intentd_scan *scan, const uint8_t *rows, size_t slot, size_t share) {
  size_t lines = scan->groups * 4, from = slot / 4 * share, end = from + share < lines ? from + share : lines;
  for (size_t i = from; i < end; i++) __builtin_prefetch(rows + (lines + i) * 64, 0, 3);
}

/// Defines the function `scores` of a kernel around its dot product. The sum with 0 turns −0 into 0.
#define SCORES(name, dot)                                                                                          \
  static void name(const float *matrix, size_t width, const float *bias, const float *query, const int32_t *rows,  \
                   size_t first, size_t count, float *scores) {                                                    \
    for (size_t i = 0; i < count; i++) {                                                                           \
      if (rows && i + 6 < count) {                                                                                 \
        const float *next = matrix + (size_t)rows[i + 6] * width;                                                  \
        for (size_t j = 0; j < width; j += 16) __builtin_prefetch(next + j);                                       \
      }                                                                                                            \
      size_t row = rows ? (size_t)rows[i] : first + i;                                                             \
      scores[i] = dot(matrix + row * width, query, width) + (bias ? bias[row] : 0.0f);                             \
    }                                                                                                              \
  }

#endif
