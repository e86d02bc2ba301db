#define _DEFAULT_SOURCE
#include "catalogue_common.h"

#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

// The readable kernel: what the others compute, in plain C.

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

static size_t scan_block(const struct intentd_scan *scan, size_t block, size_t slot) {
  const int8_t *rows = (const int8_t *)scan->rows + block * scan->groups * 256;
  const int32_t *query = scan->queries + slot / 4 * 4 * scan->groups + slot % 4;
  int32_t starts[INTENTD_BLOCK_ROWS], sums[INTENTD_BLOCK_ROWS];
  fill_starts(scan, block, slot, starts);
  memcpy(sums, starts, sizeof sums);
  for (size_t g = 0; g < scan->groups; g++, rows += 256) {
    int8_t p[4];
    memcpy(p, query + g * INTENTD_QUAD, 4);
    for (size_t r = 0; r < INTENTD_BLOCK_ROWS; r++)
      sums[r] += p[0] * rows[r * 4] + p[1] * rows[r * 4 + 1] + p[2] * rows[r * 4 + 2] + p[3] * rows[r * 4 + 3];
  }
  if (scan->everything) {
    memcpy(scan->hit_sums + slot * scan->hit_stride + block * INTENTD_BLOCK_ROWS, sums, sizeof sums);
    return 0;
  }
  uint64_t mask = 0;
  for (size_t r = 0; r < INTENTD_BLOCK_ROWS; r++) mask |= (uint64_t)(sums[r] >= 0) << r;
  return mask ? emit(scan, block, slot, mask, sums, starts) : 0;
}

static size_t scan_tile(const struct intentd_scan *scan) {
  size_t hits = 0;
  for (size_t b = 0; b < scan->blocks; b++)
    for (size_t s = 0; s < scan->slots; s++) hits += scan_block(scan, b, s);
  return hits;
}

static float dot(const float *a, const float *b, size_t width) {
  float sums[8] = {0};
  size_t i = 0;
  for (; i + 8 <= width; i += 8)
    for (size_t j = 0; j < 8; j++) sums[j] += a[i + j] * b[i + j];
  for (; i < width; i++) sums[i % 8] += a[i] * b[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

SCORES(scores, dot)

const struct intentd_catalogue_kernels intentd_catalogue_portable = {
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

const struct intentd_catalogue_kernels *intentd_catalogue_kernels(int kernel) {
  switch (kernel) {
  case INTENTD_KERNEL_PORTABLE:
    return &intentd_catalogue_portable;
#if defined(__aarch64__)
  case INTENTD_KERNEL_NEON:
    return &intentd_catalogue_neon;
#endif
#if defined(__x86_64__)
  case INTENTD_KERNEL_AVX2:
    return &intentd_catalogue_avx2;
  case INTENTD_KERNEL_AVX512:
    return &intentd_catalogue_avx512;
#endif
  default:
    return NULL;
  }
}

void *intentd_catalogue_allocate(size_t bytes) {
  const size_t page = (size_t)2 << 20;
  size_t alignment = bytes < page ? 64 : page;
  size_t rounded = (bytes + alignment) / alignment * alignment;
  void *memory = aligned_alloc(alignment, rounded);
  if (memory == NULL) return NULL;
#if defined(__linux__)
  if (alignment == page) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
  memset(memory, 0, rounded);
  return memory;
}

void intentd_catalogue_free(void *memory) { free(memory); }
