#include "ctraining_attention.h"
#include "dropout.h"

#define TRAINING_DOUBLE 0
#include "template.h"
#include "largest.inc"
#include "attention.inc"
#undef TRAINING_DOUBLE
#define TRAINING_DOUBLE 1
#include "template.h"
#include "largest.inc"
#include "attention.inc"
