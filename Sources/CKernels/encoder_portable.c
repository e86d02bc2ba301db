#include "encoder.h"

#define ENCODER_HAS_FMA 0
#define ENCODER_UNROLL 2
#define ENCODER_ROWS 2
#define ENCODER_PANELS 1
#define ENCODER_PANELS_OF_ONE 2
#define ENCODER_TABLE encoder_kernels_portable
#include "encoder_table.inc"
