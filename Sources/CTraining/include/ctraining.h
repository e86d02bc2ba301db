// Kernels of training: what lies between matrix products. Each exists in float (to train) and in double (to check gradients), made from
// one template (`*.inc`), and each has its own part of this header.
//
// Names end in _f (float) or _d (double). Matrices are row-major without gaps unless a stride is named.
#ifndef CTRAINING_H
#define CTRAINING_H

#include "ctraining_dropout.h"
#include "ctraining_attention.h"
#include "ctraining_layers.h"
#include "ctraining_losses.h"
#include "ctraining_optimisers.h"
#include "ctraining_recurrent.h"
#include "ctraining_trainer.h"

#endif
