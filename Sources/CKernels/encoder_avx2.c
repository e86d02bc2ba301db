#include "encoder.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define ENCODER_HAS_FMA 1
#define ENCODER_UNROLL 2
#define ENCODER_ROWS 4
#define ENCODER_PANELS 1
#define ENCODER_PANELS_OF_ONE 4
#define ENCODER_TABLE encoder_kernels_avx2
#include "encoder_table.inc"
#pragma clang attribute pop
#endif
