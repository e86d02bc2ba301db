/* What the parts of the load generator share. */
#ifndef LOADGEN_H
#define LOADGEN_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <time.h>

#define NANOSECONDS 1000000000LL

/* Ends the process with a message. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Zeroed memory, or the end. */
void *allocate(size_t count, size_t size);
int64_t now_ns(void);
/* User and system time of this process. */
double cpu_seconds(void);
/* A line that the driver acts on at once. */
void say(const char *word, int64_t number);
/* A number of the command line, from 0. */
int64_t whole(const char *text);

typedef struct {
  char *text;
  /* Beginnings of sessions and of items, each ended by 0. */
  char **sessions;
  char **items;
  int64_t count;
} clicks_t;

/* Lines `session TAB item`. */
clicks_t read_clicks(const char *path);
void set(rd_kafka_conf_t *conf, const char *name, const char *value);
rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *brokers);
/* Partitions of a topic; waits for one that was made a moment ago. */
int partition_count(rd_kafka_t *handle, const char *topic);
/* Sends click number `index` (of a file that begins again where it ends), keyed by its session; waits where the queue is full. */
void produce(rd_kafka_t *producer, rd_kafka_topic_t *topic, const clicks_t *clicks, int64_t index);

/* The three commands, with their arguments. */
void fill(char **arguments);
void drain(char **arguments);
void pace(char **arguments);

#endif
