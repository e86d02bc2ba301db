#ifndef INTENTD_CATALOGUE_H
#define INTENTD_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

// Exact top-k: int8 rows are scanned against a threshold, survivors are scored again in fp32.
// What makes it exact is proven in docs/adr/0002-exact-top-k.md.

enum {
  /// Rows of one block: they share a scale and the constants of the error bound.
  INTENTD_BLOCK_ROWS = 64,
  /// Most blocks of one call to `scan` or `limits`.
  INTENTD_TILE_BLOCKS = 16,
  /// Queries are packed in quads: `[slot / 4][group][slot % 4]`, four signed bytes each.
  INTENTD_QUAD = 4,
};

/// What is known of a block, for the error bound; rounded upwards.
struct intentd_block {
  /// Row = scale · q + error; 1 for a block of zeros.
  double scale;
  /// Largest ‖row‖.
  double norm;
  /// Largest ‖row − scale · q‖.
  double error;
};

/// A query in int8: query = scale · p + residue.
struct intentd_query {
  /// 1 for a query of zeros.
  double scale;
  /// ‖query‖, ‖residue‖ and ‖scale · p‖, rounded upwards.
  double norm, residue, packed_norm;
  /// Σ p.
  int32_t sum;
  /// 1 where every element is finite; else nothing above holds.
  int32_t finite;
};

/// What `limits` reads of the blocks, one element a block, and of the active queries, one element a slot.
struct intentd_bounds {
  const double *scales, *inverse_scales, *norms, *errors, *extras;
  /// Largest |bias| of each block, or NULL where there is no bias.
  const double *biases;
  /// `[blocks][64]` bias of each position, or NULL.
  const float *position_biases;
  /// Per slot: threshold; scale and 1 / scale; factors of `norms` and `errors`; offset · Σ p.
  const double *thresholds, *query_scales, *inverse_query_scales, *norm_factors, *error_factors;
  const int32_t *offsets;
};

/// Rows with bounds of their fp32 scores.
struct intentd_intervals {
  int32_t *positions;
  double *lowers, *uppers;
};

/// One call of `scan`. A row is a hit for a slot where start + Σ p · q ≥ 0; with a bias, where
/// round(start + step · bias) + Σ p · q ≥ 0.
struct intentd_scan {
  /// `[blocks][groups][64][4]` bytes, q + the kernel's `row_offset`.
  const uint8_t *rows;
  /// `[blocks][64]`, or NULL.
  const float *bias;
  size_t blocks, groups, slots;
  /// `[slots rounded up to 4 / 4][groups][4]`.
  const int32_t *queries;
  /// `[slots rounded up to 4][INTENTD_TILE_BLOCKS]`.
  const int32_t *starts;
  const float *steps;
  /// Out: `[slots][hit_stride]` row of the tile, and Σ p · (q + row_offset); `[slots]` their number.
  int32_t *hit_rows, *hit_sums, *hit_counts;
  size_t hit_stride;
  /// 1: no hits; the first blocks · 64 elements of `hit_sums` of each slot become start + Σ p · q of every row.
  int everything;
};

/// The functions of one kernel. Integer sums are the same for every kernel; fp32 sums have an order of their own.
struct intentd_catalogue_kernels {
  /// Added to every packed byte of a row (128 where the hardware multiplies unsigned by signed bytes).
  int32_t row_offset;

  /// ‖row‖ of `count` rows of a row-major matrix, rounded upwards; infinite where an element is not finite.
  void (*norms)(const float *matrix, size_t width, size_t first, size_t count, double *norms);

  /// Packs rows order[0..count-1] (count ≤ 64) of a row-major matrix of finite numbers as one block.
  void (*pack)(const float *matrix, size_t width, const int32_t *order, size_t count, int32_t row_offset,
               uint8_t *packed, struct intentd_block *block);

  /// Packs one query; its groups are written INTENTD_QUAD elements apart.
  void (*quantise)(const float *query, size_t width, int32_t *packed, struct intentd_query *out);

  /// Start values (and steps, with a bias) of `blocks` blocks from `first` on, for `slots` slots.
  void (*limits)(const struct intentd_bounds *bounds, size_t first, size_t blocks, size_t slots, int32_t *starts,
                 float *steps);

  /// Scans a tile; returns the number of hits.
  size_t (*scan)(const struct intentd_scan *scan);

  /// The bounds of those of `count` rows, with sums, of the tile at block `first` that reach the slot's threshold;
  /// returns their number. `out->positions` may be `rows`.
  size_t (*refine)(const struct intentd_bounds *bounds, size_t first, size_t slot, const int32_t *rows,
                   const int32_t *sums, size_t count, const struct intentd_intervals *out);

  /// Of each 16 rows of `blocks` blocks from 0 on, with their sums, the greatest lower bound: `blocks` · 4 of them.
  void (*maxima)(const struct intentd_bounds *bounds, size_t blocks, size_t slot, const int32_t *sums,
                 const struct intentd_intervals *out);

  /// The k-th greatest of `count` numbers, 1 ≤ k ≤ count; not for many.
  double (*kth_greatest)(const double *numbers, size_t count, size_t k);

  /// fp32 scores, matrix row · query (+ bias), of `count` rows: those of `rows`, or first.. where `rows` is NULL.
  /// Each is summed in one fixed order that depends on `width` alone.
  void (*scores)(const float *matrix, size_t width, const float *bias, const float *query, const int32_t *rows,
                 size_t first, size_t count, float *scores);
};

/// The functions of `kernel` (one of INTENTD_KERNEL_…), or NULL where this build does not have it.
const struct intentd_catalogue_kernels *intentd_catalogue_kernels(int kernel);

/// Zeroed memory for packed rows, aligned to a large page and advised to use such; NULL where there is none.
void *intentd_catalogue_allocate(size_t bytes);
void intentd_catalogue_free(void *memory);

#endif
