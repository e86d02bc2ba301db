#ifndef CTRAINING_LOSSES_H
#define CTRAINING_LOSSES_H

#include <stdint.h>

#endif
