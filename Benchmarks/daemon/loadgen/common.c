#define _GNU_SOURCE
#include "loadgen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("loadgen: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) fail("out of memory");
  return memory;
}

static int64_t clock_ns(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return now.tv_sec * NANOSECONDS + now.tv_nsec;
}

int64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + 1e-6 * (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void say(const char *word, int64_t number) {
  printf("%s %" PRId64 "\n", word, number);
  fflush(stdout);
}

int64_t whole(const char *text) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || *end || value < 0) fail("%s is not a number", text);
  return value;
}

clicks_t read_clicks(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) fail("%s: %s", path, strerror(errno));
  long size = ftell(file);
  rewind(file);
  clicks_t clicks = {.text = allocate((size_t)size + 1, 1)};
  if (fread(clicks.text, 1, (size_t)size, file) != (size_t)size) fail("%s could not be read", path);
  fclose(file);
  int64_t lines = 0;
  for (long i = 0; i < size; i++) lines += clicks.text[i] == '\n';
  clicks.sessions = allocate((size_t)lines, sizeof(char *));
  clicks.items = allocate((size_t)lines, sizeof(char *));
  for (char *line = clicks.text; clicks.count < lines; clicks.count++) {
    char *tab = strchr(line, '\t');
    char *end = strchr(line, '\n');
    if (!tab || tab > end) fail("%s: line %" PRId64 " has no tab", path, clicks.count + 1);
    *tab = *end = 0;
    clicks.sessions[clicks.count] = line;
    clicks.items[clicks.count] = tab + 1;
    line = end + 1;
  }
  if (!clicks.count) fail("%s is empty", path);
  return clicks;
}

void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail("%s", error);
}

rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *brokers) {
  char error[256];
  set(conf, "bootstrap.servers", brokers);
  /* A coordinator that is being loaded is nothing to tell. */
  set(conf, "log_level", "3");
  rd_kafka_t *handle = rd_kafka_new(type, conf, error, sizeof error);
  if (!handle) fail("%s", error);
  return handle;
}

int partition_count(rd_kafka_t *handle, const char *topic) {
  rd_kafka_topic_t *named = rd_kafka_topic_new(handle, topic, NULL);
  int count = 0;
  for (int try = 0; !count && try < 100; try++) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = rd_kafka_metadata(handle, 0, named, &metadata, 10000);
    if (error) fail("%s: %s", topic, rd_kafka_err2str(error));
    count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    if (!count) nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
  if (!count) fail("%s: there is no such topic", topic);
  rd_kafka_topic_destroy(named);
  return count;
}

void produce(rd_kafka_t *producer, rd_kafka_topic_t *topic, const clicks_t *clicks, int64_t index) {
  const char *session = clicks->sessions[index % clicks->count];
  char text[1024];
  int length = snprintf(
      text, sizeof text, "{\"session\":\"%s\",\"item\":\"%s\",\"time\":%" PRId64 ",\"type\":\"click\"}", session,
      clicks->items[index % clicks->count], clock_ns(CLOCK_REALTIME) / 1000000);
  if (length >= (int)sizeof text) fail("a click is too long");
  while (rd_kafka_produce(
             topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, text, (size_t)length, session, strlen(session),
             (void *)(intptr_t)index)) {
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      fail("a click was refused: %s", rd_kafka_err2str(rd_kafka_last_error()));
    rd_kafka_poll(producer, 1);
  }
}
