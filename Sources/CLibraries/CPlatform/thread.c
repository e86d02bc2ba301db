#define _GNU_SOURCE
#include "CPlatform.h"

#include <signal.h>
#include <string.h>

int platform_thread_start(pthread_t *thread, const char *name, void *(*body)(void *), void *context) {
  // Signals belong to the thread that waits for them; a new thread inherits the mask that stands at its creation.
  sigset_t all, previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  int error = pthread_create(thread, NULL, body, context);
  pthread_sigmask(SIG_SETMASK, &previous, NULL);
  if (error == 0) {
    char kept[16] = {0};
    strncpy(kept, name, sizeof kept - 1);
    pthread_setname_np(*thread, kept);
  }
  return error;
}
