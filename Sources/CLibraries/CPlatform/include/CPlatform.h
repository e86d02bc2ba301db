#ifndef INTENTD_CPLATFORM_H
#define INTENTD_CPLATFORM_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

/// Starts a thread named `name` (at most 15 bytes are kept) that runs `body(context)` with every signal blocked;
/// returns 0 or an errno.
int platform_thread_start(pthread_t *thread, const char *name, void *(*body)(void *), void *context);

/// Blocks `signals` in the calling thread, and so in every thread that it starts from now on; ignores SIGPIPE in the
/// whole process. Returns 0 or an errno.
int platform_signals_block(const int *signals, int count);

/// Waits for one of `signals`, which must be blocked; returns its number, 0 after `platform_signal_stop`, or -errno.
int platform_signal_wait(const int *signals, int count);

/// Ends the `platform_signal_wait` of `thread`.
int platform_signal_stop(pthread_t thread);

/// Starts a program with no signal blocked and every signal's default action. `arguments` and `environment` are strings,
/// each ended by a zero, one after the other; an `environment_count` of -1 inherits this process's. The entries of
/// `descriptors` become the program's 0, 1 and 2; -1 is /dev/null. `directory` may be NULL. Returns 0 or an errno.
int platform_spawn(pid_t *process, const char *path, const char *arguments, int argument_count,
                   const char *environment, int environment_count, const char *directory, const int descriptors[3]);

/// Becomes another program: a path, or a name to be found in PATH. `arguments`, its name first, are strings, each ended by a zero,
/// one after the other. Returns an errno, and only where that failed.
int platform_exec(const char *path, const char *arguments, int argument_count);

/// How a process ended.
struct platform_exit {
  /// 0: it runs; 1: it exited with `code`; 2: signal `code` ended it.
  int kind;
  int code;
};

/// Reads how `process` ended and leaves it to be collected; waits where `block`. Returns 0 or an errno.
int platform_peek_exit(pid_t process, int block, struct platform_exit *exit);

/// Collects a process that has ended. Returns 0 or an errno.
int platform_reap(pid_t process);

/// A pipe that no started program inherits: `ends[0]` reads, `ends[1]` writes. Returns 0 or an errno.
int platform_pipe(int ends[2]);

/// Opens `path` for writing, emptied, not inherited; returns the descriptor or -errno.
int platform_create(const char *path);

/// Columns of the terminal behind `descriptor`, 0 where it is none or does not say.
int platform_terminal_columns(int descriptor);

/// Reads clock `clock` (0 monotonic, 1 CPU time of the process, 2 CPU time of the calling thread) in nanoseconds.
int64_t platform_clock(int clock);

#endif
