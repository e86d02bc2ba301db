#ifndef INTENTD_CKERNELS_H
#define INTENTD_CKERNELS_H

/// The instruction sets that kernels are written for, from the plainest.
enum {
  INTENTD_KERNEL_PORTABLE = 0,
  INTENTD_KERNEL_NEON = 1,
  INTENTD_KERNEL_AVX2 = 2,
  INTENTD_KERNEL_AVX512 = 3,
};

/// 1 where this machine can run `kernel` (one of INTENTD_KERNEL_…).
int intentd_kernel_available(int kernel);

#include "encoder.h"
#include "catalogue.h"

#endif
