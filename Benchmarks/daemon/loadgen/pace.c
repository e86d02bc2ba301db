#define _GNU_SOURCE
#include "loadgen.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Where and when each click was sent, and when its prediction was seen. The threads write to different places, which are read when
 * they have ended. */
typedef struct {
  int64_t count;
  int64_t *sent;
  int32_t *partition;
  int64_t *offset;
  int partitions;
  /* seen[partition * count + offset]: nanoseconds, 0 where none was. */
  int64_t *seen;
  int64_t duplicates;
  int64_t foreign;
  atomic_llong predictions;
  atomic_bool stops;
  rd_kafka_t *producer;
  rd_kafka_t *consumer;
} pace_t;

static void placed(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
  pace_t *pace = opaque;
  if (message->err) fail("a click was not delivered: %s", rd_kafka_err2str(message->err));
  (void)producer;
  int64_t index = (intptr_t)message->_private;
  pace->partition[index] = message->partition;
  pace->offset[index] = message->offset;
}

static void *poll_reports(void *opaque) {
  pace_t *pace = opaque;
  while (!atomic_load(&pace->stops)) rd_kafka_poll(pace->producer, 100);
  return NULL;
}

/* The number behind `key` in `text`, or -1. */
static int64_t number_after(const char *text, size_t length, const char *key) {
  const char *found = memmem(text, length, key, strlen(key));
  if (!found) return -1;
  const char *digit = found + strlen(key), *end = text + length;
  while (digit < end && *digit == ' ') digit++;
  if (digit == end || *digit < '0' || *digit > '9') return -1;
  int64_t value = 0;
  for (; digit < end && *digit >= '0' && *digit <= '9'; digit++) value = value * 10 + (*digit - '0');
  return value;
}

/* Takes a prediction down, by the `source` that it names. */
static void see(pace_t *pace, const char *text, size_t length, int64_t when) {
  const char *source = memmem(text, length, "\"source\"", 8);
  size_t rest = source ? length - (size_t)(source - text) : 0;
  int64_t partition = source ? number_after(source, rest, "\"partition\":") : -1;
  int64_t offset = source ? number_after(source, rest, "\"offset\":") : -1;
  if (partition < 0 || partition >= pace->partitions || offset < 0 || offset >= pace->count) {
    pace->foreign++;
    return;
  }
  int64_t *seen = &pace->seen[partition * pace->count + offset];
  if (*seen) {
    pace->duplicates++;
    return;
  }
  *seen = when;
  atomic_fetch_add(&pace->predictions, 1);
}

static void *read_predictions(void *opaque) {
  pace_t *pace = opaque;
  while (!atomic_load(&pace->stops)) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(pace->consumer, 100);
    if (!message) continue;
    if (!message->err) {
      see(pace, message->payload, message->len, now_ns());
    } else if (message->err != RD_KAFKA_RESP_ERR__TRANSPORT) {
      fail("predictions: %s", rd_kafka_message_errstr(message));
    }
    rd_kafka_message_destroy(message);
  }
  return NULL;
}

static void open_clients(
    pace_t *pace, const char *brokers, const char *clicks, const char *predictions, const char *linger) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "partitioner", "murmur2_random");
  set(conf, "enable.idempotence", "true");
  set(conf, "linger.ms", linger);
  rd_kafka_conf_set_opaque(conf, pace);
  rd_kafka_conf_set_dr_msg_cb(conf, placed);
  pace->producer = client(RD_KAFKA_PRODUCER, conf, brokers);
  pace->partitions = partition_count(pace->producer, clicks);

  conf = rd_kafka_conf_new();
  set(conf, "group.id", "loadgen");
  set(conf, "enable.auto.commit", "false");
  set(conf, "check.crcs", "false");
  pace->consumer = client(RD_KAFKA_CONSUMER, conf, brokers);
  rd_kafka_poll_set_consumer(pace->consumer);
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
  for (int i = 0, count = partition_count(pace->consumer, predictions); i < count; i++)
    rd_kafka_topic_partition_list_add(list, predictions, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_resp_err_t error = rd_kafka_assign(pace->consumer, list);
  if (error) fail("predictions: %s", rd_kafka_err2str(error));
  rd_kafka_topic_partition_list_destroy(list);
}

/* Waits until `count` predictions were seen, or the deadline has passed. */
static bool await_predictions(pace_t *pace, int64_t count, int64_t deadline) {
  while (atomic_load(&pace->predictions) < count) {
    if (now_ns() > deadline) return false;
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
  return true;
}

static double uniform(uint64_t *state) {
  *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
  return ((double)(*state >> 11) + 0.5) * 0x1p-53;
}

static void write_latencies(const pace_t *pace, int64_t first, int64_t end, const char *path) {
  FILE *file = fopen(path, "wb");
  if (!file) fail("%s: %s", path, strerror(errno));
  for (int64_t i = first; i < end; i++) {
    int64_t seen = pace->partition[i] < 0 ? 0 : pace->seen[pace->partition[i] * pace->count + pace->offset[i]];
    int64_t latency = seen ? seen - pace->sent[i] : -1;
    if (fwrite(&latency, sizeof latency, 1, file) != 1) fail("%s could not be written", path);
  }
  if (fclose(file)) fail("%s could not be written", path);
}

/* Clicks come by chance, RATE a second on average (a Poisson process, the same in every run), whatever becomes of them. The clock of
 * a click runs from the call that sends it to the return of the call that gives its prediction; the file gets nanoseconds, -1 for a
 * prediction that did not come. How many clicks were sent more than 1 ms late is told, too. */
void pace(char **arguments) {
  clicks_t clicks = read_clicks(arguments[3]);
  int64_t rate = whole(arguments[4]), warm_up = whole(arguments[5]), seconds = whole(arguments[6]);
  pace_t pace = {.count = 1 + rate * (warm_up + seconds) * 2};
  pace.sent = allocate((size_t)pace.count, sizeof *pace.sent);
  pace.partition = allocate((size_t)pace.count, sizeof *pace.partition);
  for (int64_t i = 0; i < pace.count; i++) pace.partition[i] = -1;
  pace.offset = allocate((size_t)pace.count, sizeof *pace.offset);
  open_clients(&pace, arguments[0], arguments[1], arguments[2], arguments[8]);
  pace.seen = allocate((size_t)(pace.count * pace.partitions), sizeof *pace.seen);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(pace.producer, arguments[1], NULL);
  pthread_t reports, reader;
  if (pthread_create(&reports, NULL, poll_reports, &pace)) fail("no thread");
  if (pthread_create(&reader, NULL, read_predictions, &pace)) fail("no thread");

  /* One click tells when everybody is there. */
  pace.sent[0] = now_ns();
  produce(pace.producer, topic, &clicks, 0);
  if (!await_predictions(&pace, 1, now_ns() + 120 * NANOSECONDS)) fail("no prediction within two minutes");
  say("ready", pace.partitions);

  uint64_t state = 0x9E3779B97F4A7C15;
  int64_t index = 1, measured = 0, behind = 0, most_behind = 0, start = now_ns(), begin = 0;
  double cpu = 0, due = (double)start;
  for (; index < pace.count; index++) {
    due -= log(uniform(&state)) * NANOSECONDS / (double)rate;
    int64_t at = (int64_t)due;
    if (at - start >= (warm_up + seconds) * NANOSECONDS) break;
    if (!begin && at - start >= warm_up * NANOSECONDS) {
      measured = index, begin = now_ns(), cpu = cpu_seconds();
      say("begin", index);
    }
    struct timespec then = {.tv_sec = at / NANOSECONDS, .tv_nsec = at % NANOSECONDS};
    if (now_ns() < at) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
    pace.sent[index] = now_ns();
    produce(pace.producer, topic, &clicks, index);
    int64_t late = pace.sent[index] - at;
    if (!begin) continue;
    behind += late > 1000000;
    if (late > most_behind) most_behind = late;
  }
  if (!begin) fail("no time was left to measure");
  int64_t there = atomic_load(&pace.predictions);
  double spent = 1e-9 * (now_ns() - begin);
  cpu = cpu_seconds() - cpu;
  say("end", index - measured);
  bool complete = await_predictions(&pace, index, now_ns() + whole(arguments[7]) * NANOSECONDS);
  /* A click's place comes with its report, which may be later than its prediction. */
  if (rd_kafka_flush(pace.producer, 60000)) fail("clicks were not delivered within a minute");
  atomic_store(&pace.stops, true);
  pthread_join(reports, NULL);
  pthread_join(reader, NULL);
  write_latencies(&pace, measured, index, arguments[9]);
  printf(
      "{\"clicks\":%" PRId64 ",\"seconds\":%.6f,\"cpu\":%.3f,\"complete\":%s,\"open_at_end\":%" PRId64
      ",\"duplicates\":%" PRId64 ",\"foreign\":%" PRId64 ",\"sent_late\":%" PRId64 ",\"most_late_ms\":%.3f}\n",
      index - measured, spent, cpu, complete ? "true" : "false", index - there, pace.duplicates, pace.foreign, behind,
      1e-6 * most_behind);
}
