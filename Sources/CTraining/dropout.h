// Inverted dropout (Srivastava et al. 2014) without stored masks: whether an element is kept is a hash of a stream's key and the element's
// place, computed again in the backward pass.
#ifndef TRAINING_DROPOUT_H
#define TRAINING_DROPOUT_H

#include <stdint.h>

#include "ctraining_dropout.h"

// 32 bits of element `index`: two rounds of multiply and shift, keyed with both halves; 32 bits wide so that vectors hold many.
static inline __attribute__((always_inline)) uint32_t training_bits(uint64_t key, uint32_t index) {
  uint32_t bits = index * 0x9E3779B1u + (uint32_t)key;
  bits = (bits ^ (bits >> 15)) * 0x2C1B3C6Du + (uint32_t)(key >> 32);
  bits = (bits ^ (bits >> 12)) * 0x297A2D39u;
  return bits ^ (bits >> 15);
}

#endif
