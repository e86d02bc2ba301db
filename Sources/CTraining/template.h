// The frame of the templates: a file `x.c` includes `x.inc` once for float and once for double, with this before it.
//
// REAL is the type, NAME(x) the function's name for it. Kernels are compiled for the instruction sets that x86 machines have, chosen at
// load time; elsewhere once.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "elementary.h"

#undef REAL
#undef NAME
#undef R
#if TRAINING_DOUBLE
#define REAL double
#define NAME(x) x##_d
#define R(x) x
#else
#define REAL float
#define NAME(x) x##_f
#define R(x) x##f
#endif

// Clones are chosen while the program is loaded, which is before a sanitizer's runtime can follow what is called: there is none then.
#ifndef KERNEL
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define KERNEL
#endif
#endif
#endif

#ifndef KERNEL
#if defined(__x86_64__) && defined(__gnu_linux__)
#define KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define KERNEL
#endif
#endif

#ifndef FAST_MATH
// Sums may be taken in another order, and a product and a sum be rounded once: inside functions only.
#define FAST_MATH _Pragma("clang fp reassociate(on) contract(fast)")
#endif
