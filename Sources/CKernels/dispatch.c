#include "CKernels.h"

int intentd_kernel_available(int kernel) {
  switch (kernel) {
  case INTENTD_KERNEL_PORTABLE:
    return 1;
#if defined(__aarch64__)
  case INTENTD_KERNEL_NEON:
    return 1;
#endif
#if defined(__x86_64__)
  case INTENTD_KERNEL_AVX2:
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  case INTENTD_KERNEL_AVX512:
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni");
#endif
  default:
    return 0;
  }
}
