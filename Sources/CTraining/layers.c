#include "ctraining_layers.h"
#include "dropout.h"

#define TRAINING_DOUBLE 0
#include "template.h"
#include "layers.inc"
#undef TRAINING_DOUBLE
#define TRAINING_DOUBLE 1
#include "template.h"
#include "layers.inc"
