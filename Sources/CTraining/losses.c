#include "ctraining_losses.h"

#define TRAINING_DOUBLE 0
#include "template.h"
#include "largest.inc"
#include "losses.inc"
#undef TRAINING_DOUBLE
#define TRAINING_DOUBLE 1
#include "template.h"
#include "largest.inc"
#include "losses.inc"
