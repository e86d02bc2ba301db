#include "loadgen.h"

#include <inttypes.h>
#include <stdio.h>

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
  (void)producer, (void)opaque;
  if (message->err) fail("a click was not delivered: %s", rd_kafka_err2str(message->err));
}

void fill(char **arguments) {
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
void drain(char **arguments) {
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
