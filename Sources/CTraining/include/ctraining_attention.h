#ifndef CTRAINING_ATTENTION_H
#define CTRAINING_ATTENTION_H

#include <stdint.h>

#endif
