#ifndef CTRAINING_RECURRENT_H
#define CTRAINING_RECURRENT_H

#include <stdint.h>

#endif
