#include "ctraining_recurrent.h"

#define TRAINING_DOUBLE 0
#include "template.h"
#include "recurrent.inc"
#undef TRAINING_DOUBLE
#define TRAINING_DOUBLE 1
#include "template.h"
#include "recurrent.inc"
