#ifndef CTRAINING_DROPOUT_H
#define CTRAINING_DROPOUT_H

#include <stdint.h>

// Which elements are dropped: those whose 32 bits, drawn from `key`, are below `threshold`; others are multiplied by `scale`. No element is
// where `threshold` is 0.
struct training_dropout {
  uint64_t key;
  uint32_t threshold;
  double scale;
};

#endif
