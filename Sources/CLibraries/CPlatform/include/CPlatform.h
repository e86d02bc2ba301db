#ifndef INTENTD_CPLATFORM_H
#define INTENTD_CPLATFORM_H

#include <pthread.h>

/// Starts a thread named `name` (at most 15 bytes are kept) that runs `body(context)` with every signal blocked;
/// returns 0 or an errno.
int platform_thread_start(pthread_t *thread, const char *name, void *(*body)(void *), void *context);

#endif
