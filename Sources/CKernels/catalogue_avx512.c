#if defined(__x86_64__)

#include <immintrin.h>

#define FEATURES "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"
#pragma clang attribute push(__attribute__((target(FEATURES))), apply_to = function)

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

/// Start values of 16 rows.
BODY __m512i start_of(const struct intentd_scan *scan, size_t block, size_t slot, size_t part, int biased) {
  __m512i start = _mm512_set1_epi32(scan->starts[slot * INTENTD_TILE_BLOCKS + block]);
  if (!biased) return start;
  __m512 bias = _mm512_loadu_ps(scan->bias + block * INTENTD_BLOCK_ROWS + part * 16);
  __m512 step = _mm512_set1_ps(scan->steps[slot * INTENTD_TILE_BLOCKS + block]);
  return _mm512_cvttps_epi32(_mm512_add_ps(_mm512_mul_ps(bias, step), _mm512_cvtepi32_ps(start)));
}

/// The hits of one slot, from its 64 sums (the rare case).
static __attribute__((noinline)) size_t emit_slot(const struct intentd_scan *scan, size_t block, size_t slot,
                                                  __m512i a, __m512i b, __m512i c, __m512i d) {
  if (slot >= scan->slots) return 0;
  int32_t values[INTENTD_BLOCK_ROWS], starts[INTENTD_BLOCK_ROWS];
  const __m512i sums[4] = {a, b, c, d};
  int32_t *to = scan->everything ? scan->hit_sums + slot * scan->hit_stride + block * INTENTD_BLOCK_ROWS : values;
  uint64_t mask = 0;
  for (size_t part = 0; part < 4; part++) {
    mask |= (uint64_t)(uint16_t)~_mm512_movepi32_mask(sums[part]) << part * 16;
    _mm512_storeu_si512(to + part * 16, sums[part]);
    _mm512_storeu_si512(starts + part * 16, start_of(scan, block, slot, part, scan->bias != NULL));
  }
  return scan->everything ? 0 : emit(scan, block, slot, mask, values, starts);
}

/// 64 rows by `width` (1 or 4) slots. Rows are unsigned bytes, queries signed ones.
BODY size_t scan_block(const struct intentd_scan *scan, const uint8_t *rows, size_t block, size_t slot,
                       const size_t width, const int biased) {
  __m512i sums[16];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < width; i++)
#pragma clang loop unroll(full)
    for (size_t part = 0; part < 4; part++) sums[i * 4 + part] = start_of(scan, block, slot + i, part, biased);
  const int32_t *query = scan->queries + slot * scan->groups;
  for (size_t g = 0; g < scan->groups; g++, rows += 256, query += INTENTD_QUAD) {
    __m512i row[4];
#pragma clang loop unroll(full)
    for (size_t part = 0; part < 4; part++) row[part] = _mm512_load_si512(rows + part * 64);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < width; i++) {
      __m512i four = _mm512_set1_epi32(query[i]);
#pragma clang loop unroll(full)
      for (size_t part = 0; part < 4; part++)
        sums[i * 4 + part] = _mm512_dpbusd_epi32(sums[i * 4 + part], row[part], four);
    }
    // Without a barrier clang gathers loads of several groups and spills the sums for it.
    __asm__ volatile("" ::: "memory");
  }
  __m512i all = sums[0];
#pragma clang loop unroll(full)
  for (size_t i = 1; i < width * 4; i++) all = _mm512_and_si512(all, sums[i]);
  if (__builtin_expect(_mm512_movepi32_mask(all) == 0xFFFF, 1) && !scan->everything) return 0;
  size_t hits = 0;
#pragma clang loop unroll(full)
  for (size_t i = 0; i < width * 4; i += 4) {
    all = _mm512_and_si512(_mm512_and_si512(sums[i], sums[i + 1]), _mm512_and_si512(sums[i + 2], sums[i + 3]));
    if (_mm512_movepi32_mask(all) != 0xFFFF || scan->everything)
      hits += emit_slot(scan, block, slot + i / 4, sums[i], sums[i + 1], sums[i + 2], sums[i + 3]);
  }
  return hits;
}

BODY size_t scan_body(const struct intentd_scan *scan, const int biased) {
  size_t hits = 0, share = prefetch_share(scan);
  const uint8_t *rows = scan->rows;
  for (size_t b = 0; b < scan->blocks; b++, rows += scan->groups * 256)
    for (size_t s = 0; s < scan->slots; s += 4) {
      if (scan->slots - s == 1) {
        if (s) prefetch_next(scan, rows, s, share);
        hits += scan_block(scan, rows, b, s, 1, biased);
      } else {
        prefetch_next(scan, rows, s, share);
        hits += scan_block(scan, rows, b, s, 4, biased);
      }
    }
  return hits;
}

static size_t scan_tile(const struct intentd_scan *scan) {
  return scan->bias ? scan_body(scan, 1) : scan_body(scan, 0);
}

static float dot(const float *a, const float *b, size_t width) {
  __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
  size_t i = 0;
  for (; i + 64 <= width; i += 64)
    for (size_t j = 0; j < 4; j++)
      sums[j] = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + j * 16), _mm512_loadu_ps(b + i + j * 16), sums[j]);
  for (size_t j = 0; i < width; i += 16, j++) {
    __mmask16 mask = width - i >= 16 ? 0xFFFF : (__mmask16)((1u << (width - i)) - 1);
    sums[j] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i), sums[j]);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
}

SCORES(scores, dot)

const struct intentd_catalogue_kernels intentd_catalogue_avx512 = {
    .row_offset = 128,
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
