// Exponential and logarithm as straight arithmetic, so that loops of them are vectorised. Neither is exact to the last bit; relative errors
// are given with each. What is not a number stays so. Not under FAST_MATH, which could undo the split of ln 2.
#ifndef TRAINING_ELEMENTARY_H
#define TRAINING_ELEMENTARY_H

#include <stdint.h>

#define ELEMENTARY static inline __attribute__((always_inline))

/// exp(x) for x <= 0, within 2e-7; 0 below -87, where the result would be denormal. Cody & Waite's reduction, then Taylor's series.
ELEMENTARY float exponential_f(float x) {
  float clamped = x < -87.0f ? -87.0f : x;
  float shifted = clamped * 0x1.715476p+0f + 0x1.8p23f;  // the nearest whole number stands in the lowest bits
  float whole = shifted - 0x1.8p23f;
  float r = (clamped - whole * 0x1.62e4p-1f) - whole * 0x1.7f7d1cp-20f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  union { float value; uint32_t bits; } power = {.value = shifted};
  power.bits = (power.bits + 127) << 23;
  return x < -87.0f ? 0.0f : p * power.value;
}

/// exp(x) for x <= 0, within 1e-15; 0 below -700.
ELEMENTARY double exponential_d(double x) {
  double clamped = x < -700.0 ? -700.0 : x;
  double shifted = clamped * 0x1.71547652b82fep+0 + 0x1.8p52;
  double whole = shifted - 0x1.8p52;
  double r = (clamped - whole * 0x1.62e42feep-1) - whole * 0x1.a39ef35793c76p-33;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  union { double value; uint64_t bits; } power = {.value = shifted};
  power.bits = (power.bits + 1023) << 52;
  return x < -700.0 ? 0.0 : p * power.value;
}

/// 2 artanh(z) for 0 <= |z| <= 1/3, within 1e-7 of its size.
ELEMENTARY float twice_artanh_f(float z) {
  float square = z * z, sum = 1.0f / 15;
  sum = sum * square + 1.0f / 13;
  sum = sum * square + 1.0f / 11;
  sum = sum * square + 1.0f / 9;
  sum = sum * square + 1.0f / 7;
  sum = sum * square + 1.0f / 5;
  sum = sum * square + 1.0f / 3;
  return 2 * z * (sum * square + 1.0f);
}

/// 2 artanh(z) for 0 <= |z| <= 1/3, within 1e-15 of its size.
ELEMENTARY double twice_artanh_d(double z) {
  double square = z * z, sum = 1.0 / 35;
  for (int odd = 33; odd > 1; odd -= 2) sum = sum * square + 1.0 / odd;
  return 2 * z * (sum * square + 1.0);
}

/// log(1 + y) for 0 <= y <= 1.
ELEMENTARY float logarithm_of_one_plus_f(float y) { return twice_artanh_f(y / (2.0f + y)); }
ELEMENTARY double logarithm_of_one_plus_d(double y) { return twice_artanh_d(y / (2.0 + y)); }

/// log(x) of a normal number x > 0; what is not finite stays so.
ELEMENTARY double logarithm(double x) {
  if (!(x > 0 && x < __builtin_inf())) return x;
  union { double value; uint64_t bits; } number = {.value = x};
  int64_t exponent = (int64_t)(number.bits >> 52) - 1023;
  number.bits = (number.bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
  if (number.value > 1.4142135623730951) {
    number.value *= 0.5;
    exponent++;
  }
  return (double)exponent * 0x1.62e42fefa39efp-1 + twice_artanh_d((number.value - 1) / (number.value + 1));
}

#endif
