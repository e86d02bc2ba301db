#include "CKernels.h"
#include "encoder.h"

extern const struct encoder_kernels encoder_kernels_portable;
#if defined(__x86_64__)
extern const struct encoder_kernels encoder_kernels_avx2, encoder_kernels_avx512;
#endif
#if defined(__aarch64__)
extern const struct encoder_kernels encoder_kernels_neon;
#endif

const struct encoder_kernels *intentd_encoder_kernels(int kernel) {
  if (!intentd_kernel_available(kernel)) return NULL;
  switch (kernel) {
  case INTENTD_KERNEL_PORTABLE:
    return &encoder_kernels_portable;
#if defined(__x86_64__)
  case INTENTD_KERNEL_AVX2:
    return &encoder_kernels_avx2;
  case INTENTD_KERNEL_AVX512:
    return &encoder_kernels_avx512;
#endif
#if defined(__aarch64__)
  case INTENTD_KERNEL_NEON:
    return &encoder_kernels_neon;
#endif
  default:
    return NULL;
  }
}
