#ifndef CTRAINING_OPTIMISERS_H
#define CTRAINING_OPTIMISERS_H

#include <stdint.h>

#endif
