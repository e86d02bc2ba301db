/* Load and clock of `make bench-daemon`, on librdkafka, because in Python they would eat the cores that are measured.
 *
 *   loadgen fill  BROKERS CLICKS-TOPIC CLICKS-FILE FIRST COUNT
 *   loadgen drain BROKERS PREDICTIONS-TOPIC COUNT SECONDS
 *   loadgen pace  BROKERS CLICKS-TOPIC PREDICTIONS-TOPIC CLICKS-FILE RATE WARM-UP-SECONDS SECONDS GRACE-SECONDS LINGER-MS
 *                 LATENCIES-FILE
 *
 * A file of clicks has lines `session TAB item`. Topics are new: offsets begin at 0.
 * What is to be known outside at the moment that it happens is a line on standard output: `ready`, `begin N`, `end N`; the last line is
 * a JSON object.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#define NANOSECONDS 1000000000LL

static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("loadgen: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) fail("out of memory");
  return memory;
}

static int64_t clock_ns(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return now.tv_sec * NANOSECONDS + now.tv_nsec;
}

static int64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + 1e-6 * (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* A line that the driver acts on at once. */
static void say(const char *word, int64_t number) {
  printf("%s %" PRId64 "\n", word, number);
  fflush(stdout);
}

static int64_t whole(const char *text) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || *end || value < 0) fail("%s is not a number", text);
  return value;
}

/* ---- Clicks ---- */

typedef struct {
  char *text;
  /* Beginnings of sessions and of items, each ended by 0. */
  char **sessions;
  char **items;
  int64_t count;
} clicks_t;

static clicks_t read_clicks(const char *path) {
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

/* ---- Clients ---- */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail("%s", error);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *brokers) {
  char error[256];
  set(conf, "bootstrap.servers", brokers);
  rd_kafka_t *handle = rd_kafka_new(type, conf, error, sizeof error);
  if (!handle) fail("%s", error);
  return handle;
}

/* Partitions of a topic; waits for one that was made a moment ago. */
static int partition_count(rd_kafka_t *handle, const char *topic) {
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

/* Sends click number `index` (of a file that begins again where it ends), keyed by its session; waits where the queue is full. */
static void produce(rd_kafka_t *producer, rd_kafka_topic_t *topic, const clicks_t *clicks, int64_t index) {
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

/* ---- fill ---- */

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
  (void)producer, (void)opaque;
  if (message->err) fail("a click was not delivered: %s", rd_kafka_err2str(message->err));
}

static void fill(char **arguments) {
  clicks_t clicks = read_clicks(arguments[2]);
  int64_t first = whole(arguments[3]), count = whole(arguments[4]);
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "partitioner", "murmur2_random");
  set(conf, "enable.idempotence", "true");
  set(conf, "linger.ms", "20");
  set(conf, "compression.type", "lz4");
  rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, conf, arguments[0]);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, arguments[1], NULL);
  int64_t start = now_ns();
  for (int64_t i = 0; i < count; i++) {
    produce(producer, topic, &clicks, first + i);
    if (i % 256 == 0) rd_kafka_poll(producer, 0);
  }
  if (rd_kafka_flush(producer, 60000)) fail("clicks were not delivered within a minute");
  printf("{\"clicks\":%" PRId64 ",\"seconds\":%.6f,\"cpu\":%.3f}\n", count, 1e-9 * (now_ns() - start), cpu_seconds());
}

/* ---- drain ---- */

static int64_t end_offsets(rd_kafka_t *handle, rd_kafka_topic_partition_list_t *list) {
  for (int i = 0; i < list->cnt; i++) list->elems[i].offset = RD_KAFKA_OFFSET_END;
  rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(handle, list, 10000);
  if (error) fail("end offsets: %s", rd_kafka_err2str(error));
  int64_t sum = 0;
  for (int i = 0; i < list->cnt; i++) {
    if (list->elems[i].err) fail("end offsets: %s", rd_kafka_err2str(list->elems[i].err));
    sum += list->elems[i].offset > 0 ? list->elems[i].offset : 0;
  }
  return sum;
}

/* Waits until a topic holds COUNT records: `begin` with what is there at first, `end` with the last. */
static void drain(char **arguments) {
  int64_t count = whole(arguments[2]);
  int64_t deadline = now_ns() + whole(arguments[3]) * NANOSECONDS;
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "group.id", "loadgen");
  rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, conf, arguments[0]);
  int partitions = partition_count(consumer, arguments[1]);
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; i++) rd_kafka_topic_partition_list_add(list, arguments[1], i);
  int64_t first = end_offsets(consumer, list), begin = now_ns();
  int64_t seen = first, last = begin;
  say("begin", first);
  while (seen < count && now_ns() < deadline) {
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    seen = end_offsets(consumer, list);
    last = now_ns();
  }
  say("end", seen);
  printf(
      "{\"first\":%" PRId64 ",\"last\":%" PRId64 ",\"seconds\":%.6f,\"cpu\":%.3f}\n", first, seen,
      1e-9 * (last - begin), cpu_seconds());
}

/* ---- pace ---- */

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
static void pace(char **arguments) {
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

int main(int count, char **arguments) {
  /* Ends with the driver, and sleeps as exactly as the kernel can. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1UL);
  const char *what = count > 1 ? arguments[1] : "";
  if (!strcmp(what, "fill") && count == 7) fill(arguments + 2);
  else if (!strcmp(what, "drain") && count == 6) drain(arguments + 2);
  else if (!strcmp(what, "pace") && count == 12) pace(arguments + 2);
  else fail("fill, drain or pace, with their arguments: see loadgen.c");
  fflush(stdout);
  /* Everything was delivered and read; handles end with the process. */
  _Exit(0);
}
