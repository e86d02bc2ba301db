#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "catalogue_common.h"

static void norms(const float *matrix, size_t width, size_t first, size_t count, double *out) {
  norms_body(matrix, width, first, count, out);
}

static void pack(const float *matrix, size_t width, const int32_t *order, size_t count, int32_t row_offset,
                 uint8_t *packed, struct intentd_block *block) {
  pack_body(matrix, width, order, count, row_offset, packed, block);
}

static void quantise(const float *query, size_t width, int32_t *packed, struct intentd_query *out) {
  quantise_body(query, width, packed, out);
}

static void limits(const struct intentd_bounds *bounds, size_t first, size_t blocks, size_t slots, int32_t *starts,
                   float *steps) {
  limits_body(bounds, first, blocks, slots, starts, steps);
}

static size_t refine(const struct intentd_bounds *bounds, size_t first, size_t slot, const int32_t *rows,
                     const int32_t *sums, size_t count, const struct intentd_intervals *out) {
  return refine_body(bounds, first, slot, rows, sums, count, out);
}

static void maxima(const struct intentd_bounds *bounds, size_t blocks, size_t slot, const int32_t *sums,
                   const struct intentd_intervals *out) {
  maxima_body(bounds, blocks, slot, sums, out);
}

static double kth_greatest(const double *numbers, size_t count, size_t k) {
  return kth_greatest_body(numbers, count, k);
}

/// Start values of 8 rows.
BODY __m256i start_of(const struct intentd_scan *scan, size_t block, size_t slot, size_t part, int biased) {
  __m256i start = _mm256_set1_epi32(scan->starts[slot * INTENTD_TILE_BLOCKS + block]);
  if (!biased) return start;
  __m256 bias = _mm256_loadu_ps(scan->bias + block * INTENTD_BLOCK_ROWS + part * 8);
  __m256 step = _mm256_set1_ps(scan->steps[slot * INTENTD_TILE_BLOCKS + block]);
  return _mm256_cvttps_epi32(_mm256_add_ps(_mm256_mul_ps(bias, step), _mm256_cvtepi32_ps(start)));
}

/// The hits of 4 slots among 16 rows, `part` and the next (the rare case).
static __attribute__((noinline)) size_t emit_all(const struct intentd_scan *scan, size_t block, size_t slot,
                                                 size_t part, const __m256i *sums, int biased) {
  size_t hits = 0;
  int32_t values[INTENTD_BLOCK_ROWS], starts[INTENTD_BLOCK_ROWS];
  for (size_t i = 0; i < 4 && slot + i < scan->slots; i++) {
    if (scan->everything) {
      int32_t *to = scan->hit_sums + (slot + i) * scan->hit_stride + block * INTENTD_BLOCK_ROWS + part * 8;
      for (size_t j = 0; j < 2; j++) _mm256_storeu_si256((__m256i *)(to + j * 8), sums[i * 2 + j]);
      continue;
    }
    uint64_t mask = 0;
    for (size_t j = 0; j < 2; j++) {
      __m256i sum = sums[i * 2 + j];
      mask |= (uint64_t)(uint8_t)~_mm256_movemask_ps(_mm256_castsi256_ps(sum)) << (part + j) * 8;
      _mm256_storeu_si256((__m256i *)(values + (part + j) * 8), sum);
      _mm256_storeu_si256((__m256i *)(starts + (part + j) * 8), start_of(scan, block, slot + i, part + j, biased));
    }
    if (mask) hits += emit(scan, block, slot + i, mask, values, starts);
  }
  return hits;
}

/// 16 rows by 4 slots. The magnitude of a row's byte times the query's with the row's sign: two products of at most
/// 127 · 127 fit the 16 bits that the multiplication saturates at.
BODY size_t scan_part(const struct intentd_scan *scan, const uint8_t *rows, size_t block, size_t slot, size_t part,
                      const int biased) {
  __m256i sums[8];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < 8; i++) sums[i] = start_of(scan, block, slot + i / 2, part + i % 2, biased);
  const int32_t *query = scan->queries + slot * scan->groups;
  const __m256i ones = _mm256_set1_epi16(1);
  for (size_t g = 0; g < scan->groups; g++, query += INTENTD_QUAD) {
    const __m256i *at = (const __m256i *)(rows + g * 256 + part * 32);
    __m256i row[2] = {_mm256_load_si256(at), _mm256_load_si256(at + 1)};
    __m256i magnitude[2] = {_mm256_abs_epi8(row[0]), _mm256_abs_epi8(row[1])};
#pragma clang loop unroll(full)
    for (size_t i = 0; i < 8; i++) {
      __m256i four = _mm256_sign_epi8(_mm256_set1_epi32(query[i / 2]), row[i % 2]);
      __m256i pairs = _mm256_maddubs_epi16(magnitude[i % 2], four);
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs, ones));
    }
    __asm__ volatile("" ::: "memory");
  }
  __m256i all = sums[0];
#pragma clang loop unroll(full)
  for (size_t i = 1; i < 8; i++) all = _mm256_and_si256(all, sums[i]);
  if (__builtin_expect(_mm256_movemask_ps(_mm256_castsi256_ps(all)) == 0xFF, 1) && !scan->everything) return 0;
  // A copy, so that the sums themselves have no address and stay in registers.
  __m256i kept[8];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < 8; i++) kept[i] = sums[i];
  return emit_all(scan, block, slot, part, kept, biased);
}

BODY size_t scan_body(const struct intentd_scan *scan, const int biased) {
  size_t hits = 0, share = prefetch_share(scan);
  const uint8_t *rows = scan->rows;
  for (size_t b = 0; b < scan->blocks; b++, rows += scan->groups * 256)
    for (size_t s = 0; s < scan->slots; s += 4) {
      prefetch_next(scan, rows, s, share);
      for (size_t part = 0; part < 8; part += 2) hits += scan_part(scan, rows, b, s, part, biased);
    }
  return hits;
}

static size_t scan_tile(const struct intentd_scan *scan) {
  return scan->bias ? scan_body(scan, 1) : scan_body(scan, 0);
}

static float dot(const float *a, const float *b, size_t width) {
  __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
  size_t i = 0;
  for (; i + 32 <= width; i += 32)
    for (size_t j = 0; j < 4; j++)
      sums[j] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + j * 8), _mm256_loadu_ps(b + i + j * 8), sums[j]);
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  for (size_t j = 0; i < width; i += 8, j++) {
    __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)(width - i)), lanes);
    sums[j] = _mm256_fmadd_ps(_mm256_maskload_ps(a + i, mask), _mm256_maskload_ps(b + i, mask), sums[j]);
  }
  __m256 sum = _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

SCORES(scores, dot)

const struct intentd_catalogue_kernels intentd_catalogue_avx2 = {
    .row_offset = 0,
    .norms = norms,
    .pack = pack,
    .quantise = quantise,
    .limits = limits,
    .refine = refine,
    .maxima = maxima,
    .kth_greatest = kth_greatest,
    .scan = scan_tile,
    .scores = scores,
};

#pragma clang attribute pop

#endif
