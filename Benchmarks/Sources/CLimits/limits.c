#define _GNU_SOURCE
#include "CLimits.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

double limits_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

#define CHAINS 12
#define EACH(STEP) STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11)

/// The value is used, as far as the compiler knows.
static void use(const void *value) { __asm__ volatile("" : : "r"(value) : "memory"); }

/// Twelve chains of multiply-adds hide the latency of each.
#define FMA_LOOP(NAME, LANES, ATTRIBUTE, REGISTER)                                                                     \
  ATTRIBUTE static double NAME(long rounds) {                                                                          \
    typedef float vector __attribute__((vector_size(LANES * 4)));                                                      \
    vector sum[CHAINS];                                                                                                \
    for (int i = 0; i < CHAINS; i++) sum[i] = (vector){} + (float)i;                                                   \
    const vector factor = (vector){} + 0.999f, term = (vector){} + 0.5f;                                               \
    for (long round = 0; round < rounds; round++) {                                                                    \
      EACH(FMA_STEP)                                                                                                   \
      __asm__ volatile("" : "+" REGISTER(sum[0]), "+" REGISTER(sum[1]), "+" REGISTER(sum[2]), "+" REGISTER(sum[3]));   \
    }                                                                                                                  \
    use(sum);                                                                                                          \
    return (double)rounds * CHAINS * LANES * 2;                                                                        \
  }
#define FMA_STEP(i) sum[i] = __builtin_elementwise_fma(sum[i], factor, term);

#if defined(__x86_64__)
#include <immintrin.h>

FMA_LOOP(fma_avx512, 16, __attribute__((target("avx512f"))), "v")
FMA_LOOP(fma_avx2, 8, __attribute__((target("avx2,fma"))), "x")

__attribute__((target("avx512f,avx512vnni"))) static double int8_avx512(long rounds) {
  __m512i sum[CHAINS];
  for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_set1_epi32(i);
  const __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(1);
  for (long round = 0; round < rounds; round++) {
#define INT8_STEP(i) sum[i] = _mm512_dpbusd_epi32(sum[i], a, b);
    EACH(INT8_STEP)
    __asm__ volatile("" : "+v"(sum[0]), "+v"(sum[1]), "+v"(sum[2]), "+v"(sum[3]));
  }
  use(sum);
  return (double)rounds * CHAINS * 64 * 2;
}

double limits_fma(long rounds) {
  return __builtin_cpu_supports("avx512f") ? fma_avx512(rounds) : fma_avx2(rounds);
}

double limits_int8(long rounds) { return __builtin_cpu_supports("avx512vnni") ? int8_avx512(rounds) : 0; }

__attribute__((target("avx512f"))) static void read_avx512(const char *p, size_t bytes) {
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  for (size_t i = 0; i < bytes; i += 256) {
    a = _mm512_or_si512(a, _mm512_load_si512(p + i));
    b = _mm512_or_si512(b, _mm512_load_si512(p + i + 64));
    c = _mm512_or_si512(c, _mm512_load_si512(p + i + 128));
    d = _mm512_or_si512(d, _mm512_load_si512(p + i + 192));
  }
  const __m512i sum = _mm512_or_si512(_mm512_or_si512(a, b), _mm512_or_si512(c, d));
  use(&sum);
}
#else
FMA_LOOP(fma_vector, 4, , "w")
double limits_fma(long rounds) { return fma_vector(rounds); }
double limits_int8(long rounds) {
  (void)rounds;
  return 0;
}
#endif

static void read_words(const char *p, size_t bytes) {
  typedef uint64_t vector __attribute__((vector_size(16)));
  vector a = {}, b = a, c = a, d = a;
  for (size_t i = 0; i < bytes; i += 64) {
    a |= *(const vector *)(p + i);
    b |= *(const vector *)(p + i + 16);
    c |= *(const vector *)(p + i + 32);
    d |= *(const vector *)(p + i + 48);
  }
  const vector sum = (a | b) | (c | d);
  use(&sum);
}

void limits_read(const void *memory, size_t bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    read_avx512(memory, bytes);
    return;
  }
#endif
  read_words(memory, bytes);
}

void *limits_allocate(size_t bytes) {
  void *memory = NULL;
  if (posix_memalign(&memory, 2 << 20, bytes) != 0) return NULL;
#if defined(MADV_HUGEPAGE)
  madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  memset(memory, 1, bytes);
  return memory;
}

void limits_free(void *memory) { free(memory); }
