#if defined(__aarch64__)

#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

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

/// Start values of 4 rows.
BODY int32x4_t start_of(const struct intentd_scan *scan, size_t block, size_t slot, size_t part, int biased) {
  int32x4_t start = vdupq_n_s32(scan->starts[slot * INTENTD_TILE_BLOCKS + block]);
  if (!biased) return start;
  float32x4_t bias = vld1q_f32(scan->bias + block * INTENTD_BLOCK_ROWS + part * 4);
  float32x4_t step = vdupq_n_f32(scan->steps[slot * INTENTD_TILE_BLOCKS + block]);
  return vcvtq_s32_f32(vaddq_f32(vmulq_f32(bias, step), vcvtq_f32_s32(start)));
}

/// The hits of 4 slots among 16 rows from `part` on (the rare case).
static __attribute__((noinline)) size_t emit_all(const struct intentd_scan *scan, size_t block, size_t slot,
                                                 size_t part, const int32x4_t *sums, int biased) {
  size_t hits = 0;
  int32_t values[INTENTD_BLOCK_ROWS], starts[INTENTD_BLOCK_ROWS];
  for (size_t i = 0; i < 4 && slot + i < scan->slots; i++) {
    if (scan->everything) {
      int32_t *to = scan->hit_sums + (slot + i) * scan->hit_stride + block * INTENTD_BLOCK_ROWS + part * 4;
      for (size_t j = 0; j < 4; j++) vst1q_s32(to + j * 4, sums[i * 4 + j]);
      continue;
    }
    uint64_t mask = 0;
    for (size_t j = 0; j < 4; j++) {
      vst1q_s32(values + (part + j) * 4, sums[i * 4 + j]);
      vst1q_s32(starts + (part + j) * 4, start_of(scan, block, slot + i, part + j, biased));
    }
    for (size_t r = part * 4; r < part * 4 + 16; r++) mask |= (uint64_t)(values[r] >= 0) << r;
    if (mask) hits += emit(scan, block, slot + i, mask, values, starts);
  }
  return hits;
}

/// sum + the products of four bytes each of 4 rows with those of a query.
#define PLAIN_DOT(sum, row, four)                                                                            \
  vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(vmull_s8(vget_low_s8(row), vget_low_s8(four))),                      \
                            vpaddlq_s16(vmull_high_s8(row, four))))

/// Defines `name`: the scan of a tile, 16 rows by 4 slots at a time, with the given step.
#define SCAN(name, attributes, STEP)                                                                         \
  attributes static inline size_t name##_part(const struct intentd_scan *scan, const uint8_t *rows, size_t block, \
                                              size_t slot, size_t part, const int biased) {                  \
    int32x4_t sums[16];                                                                                      \
    for (size_t i = 0; i < 16; i++) sums[i] = start_of(scan, block, slot + i / 4, part + i % 4, biased);     \
    const int32_t *query = scan->queries + slot * scan->groups;                                              \
    for (size_t g = 0; g < scan->groups; g++, query += INTENTD_QUAD) {                                       \
      const int8_t *at = (const int8_t *)rows + g * 256 + part * 16;                                         \
      for (size_t i = 0; i < 16; i++) {                                                                      \
        int8x16_t row = vld1q_s8(at + i % 4 * 16), four = vreinterpretq_s8_s32(vdupq_n_s32(query[i / 4]));   \
        sums[i] = STEP(sums[i], row, four);                                                                  \
      }                                                                                                      \
    }                                                                                                        \
    int32x4_t largest = sums[0];                                                                             \
    for (size_t i = 1; i < 16; i++) largest = vmaxq_s32(largest, sums[i]);                                   \
    if (vmaxvq_s32(largest) < 0 && !scan->everything) return 0;                                               \
    int32x4_t kept[16];                                                                                      \
    for (size_t i = 0; i < 16; i++) kept[i] = sums[i];                                                       \
    return emit_all(scan, block, slot, part, kept, biased);                                                  \
  }                                                                                                          \
  attributes static size_t name(const struct intentd_scan *scan) {                                           \
    size_t hits = 0, share = prefetch_share(scan);                                                           \
    int biased = scan->bias != NULL;                                                                         \
    const uint8_t *rows = scan->rows;                                                                        \
    for (size_t b = 0; b < scan->blocks; b++, rows += scan->groups * 256)                                    \
      for (size_t s = 0; s < scan->slots; s += 4) {                                                          \
        prefetch_next(scan, rows, s, share);                                                                 \
        for (size_t part = 0; part < 16; part += 4) hits += name##_part(scan, rows, b, s, part, biased);     \
      }                                                                                                      \
    return hits;                                                                                             \
  }

SCAN(scan_plain, , PLAIN_DOT)
SCAN(scan_dot, __attribute__((target("dotprod"))), vdotq_s32)

static size_t scan_tile(const struct intentd_scan *scan) {
#if defined(__ARM_FEATURE_DOTPROD)
  return scan_dot(scan);
#elif defined(__linux__)
  return getauxval(AT_HWCAP) & 1 << 20 /* HWCAP_ASIMDDP */ ? scan_dot(scan) : scan_plain(scan);
#else
  return scan_plain(scan);
#endif
}

static float dot(const float *a, const float *b, size_t width) {
  float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
  size_t i = 0;
  for (; i + 16 <= width; i += 16)
    for (size_t j = 0; j < 4; j++)
      sums[j] = vfmaq_f32(sums[j], vld1q_f32(a + i + j * 4), vld1q_f32(b + i + j * 4));
  for (size_t j = 0; i < width; i += 4, j++) {
    float left[4] = {0}, right[4] = {0};
    size_t rest = width - i < 4 ? width - i : 4;
    memcpy(left, a + i, rest * sizeof(float));
    memcpy(right, b + i, rest * sizeof(float));
    sums[j] = vfmaq_f32(sums[j], vld1q_f32(left), vld1q_f32(right));
  }
  return vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3])));
}

SCORES(scores, dot)

const struct intentd_catalogue_kernels intentd_catalogue_neon = {
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

#endif
