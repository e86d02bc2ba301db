#include "encoder.h"

#if defined(__aarch64__)
#define ENCODER_HAS_FMA 1
#define ENCODER_UNROLL 2
#define ENCODER_ROWS 4
#define ENCODER_PANELS 1
#define ENCODER_PANELS_OF_ONE 4
#define ENCODER_TABLE encoder_kernels_neon
#include "encoder_table.inc"
#endif
