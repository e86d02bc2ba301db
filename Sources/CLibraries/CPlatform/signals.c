#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <signal.h>

static void fill(sigset_t *set, const int *signals, int count) {
  sigemptyset(set);
  for (int i = 0; i < count; i++) sigaddset(set, signals[i]);
}

int platform_signals_block(const int *signals, int count) {
  sigset_t set;
  fill(&set, signals, count);
  // A peer that goes away is an error of the write, not the end of the process.
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) return errno;
  return pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int platform_signal_wait(const int *signals, int count) {
  sigset_t set;
  fill(&set, signals, count);
  sigaddset(&set, SIGRTMIN);
  // A thread of ours starts with every signal blocked, so that what is asked for waits here.
  int received = 0;
  int error = sigwait(&set, &received);
  if (error != 0) return -error;
  return received == SIGRTMIN ? 0 : received;
}

int platform_signal_stop(pthread_t thread) { return pthread_kill(thread, SIGRTMIN); }
