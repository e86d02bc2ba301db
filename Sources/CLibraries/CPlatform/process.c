#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/// A NULL-ended list of pointers into `count` strings that follow each other.
static char **list(const char *strings, int count) {
  char **pointers = calloc((size_t)count + 1, sizeof *pointers);
  for (int i = 0; pointers != NULL && i < count; i++) {
    pointers[i] = (char *)strings;
    strings += strlen(strings) + 1;
  }
  return pointers;
}

static int prepare(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int error = posix_spawnattr_setsigmask(attributes, &none);
  if (error == 0) error = posix_spawnattr_setsigdefault(attributes, &all);
  if (error == 0) error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  return error;
}

static int redirect(posix_spawn_file_actions_t *actions, const char *directory, const int descriptors[3]) {
  int error = 0;
  for (int i = 0; i < 3 && error == 0; i++) {
    if (descriptors[i] < 0) {
      error = posix_spawn_file_actions_addopen(actions, i, "/dev/null", i == 0 ? O_RDONLY : O_WRONLY, 0);
    } else {
      error = posix_spawn_file_actions_adddup2(actions, descriptors[i], i);
    }
  }
  if (error == 0 && directory != NULL) error = posix_spawn_file_actions_addchdir_np(actions, directory);
  return error;
}

int platform_spawn(pid_t *process, const char *path, const char *arguments, int argument_count,
                   const char *environment, int environment_count, const char *directory, const int descriptors[3]) {
  char **argv = list(arguments, argument_count);
  char **envp = environment_count < 0 ? environ : list(environment, environment_count);
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  int error = argv == NULL || envp == NULL ? ENOMEM : 0;
  if (error == 0) error = posix_spawnattr_init(&attributes);
  if (error == 0) {
    error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
      error = prepare(&attributes);
      if (error == 0) error = redirect(&actions, directory, descriptors);
      if (error == 0) error = posix_spawnp(process, path, &actions, &attributes, argv, envp);
      posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
  }
  free(argv);
  if (environment_count >= 0) free(envp);
  return error;
}

int platform_peek_exit(pid_t process, int block, struct platform_exit *exit) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  int result;
  do {
    result = waitid(P_PID, (id_t)process, &info, WEXITED | WNOWAIT | (block ? 0 : WNOHANG));
  } while (result != 0 && errno == EINTR);
  if (result != 0) return errno;
  exit->kind = info.si_pid == 0 ? 0 : info.si_code == CLD_EXITED ? 1 : 2;
  exit->code = info.si_status;
  return 0;
}

int platform_reap(pid_t process) {
  int status, result;
  do {
    result = waitpid(process, &status, 0);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? errno : 0;
}

int platform_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno; }

int platform_create(const char *path) {
  int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  return descriptor < 0 ? -errno : descriptor;
}

int platform_terminal_columns(int descriptor) {
  struct winsize size;
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int64_t platform_clock(int clock) {
  static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
  struct timespec now;
  clock_gettime(clocks[clock], &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int platform_exec(const char *path, const char *arguments, int argument_count) {
  char **argv = list(arguments, argument_count);
  if (argv == NULL) return ENOMEM;
  execvp(path, argv);
  int error = errno;
  free(argv);
  return error;
}
