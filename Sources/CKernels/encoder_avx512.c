#include "encoder.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma"))), apply_to = function)
#define ENCODER_HAS_FMA 1
#define ENCODER_UNROLL 4
#define ENCODER_ROWS 8
#define ENCODER_PANELS 2
#define ENCODER_PANELS_OF_ONE 8
#define ENCODER_TABLE encoder_kernels_avx512
#include "encoder_table.inc"
#pragma clang attribute pop
#endif
