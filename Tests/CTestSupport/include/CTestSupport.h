#ifndef INTENTD_CTESTSUPPORT_H
#define INTENTD_CTESTSUPPORT_H

#include <stdint.h>

/// Allocations that this thread has made since it began (malloc, calloc, realloc, posix_memalign, aligned_alloc);
/// -1 where counting is compiled out (under a sanitizer).
int64_t test_allocation_count(void);

#endif
