"""A recommender worker without intentd: Kafka in, ONNX Runtime over the session's window, Kafka and Redis out.

See README.md for what it does and what it leaves out.
"""

from __future__ import annotations

import signal
import time
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from pathlib import Path

import numpy as np
import onnxruntime
import orjson
import redis
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

import graph

KEEP_SECONDS = 2 * 24 * 3600
"""How long Redis keeps a session after its last click."""
CHUNK = 64
"""Windows in one forward pass: of like length, so that little is computed for padding."""
REBALANCED = (
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError._NO_OFFSET,
)
"""A commit that fails with one of these is no failure of the worker."""
IDLE_SECONDS = 0.5
"""Longest wait for a first message, after which a signal is seen."""


def window_size(event: int, max_length: int) -> int:
    """Clicks that the model sees at click number `event` of a session: those that it was trained on
    (docs/model-directory.md)."""
    if event <= max_length:
        return event
    keep = (max_length + 1) // 2
    return keep + (event - max_length - 1) % (max_length - keep + 1)


class Model:
    """The ONNX graph and its items."""

    def __init__(self, directory: Path, top_k: int, threads: int) -> None:
        serialised, self.items, self.max_length = graph.build(directory, top_k)
        self.rows = {item: row for row, item in enumerate(self.items)}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Waiting threads that spin would take the core from broker and Redis.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(serialised, options, providers=["CPUExecutionProvider"])

    def predict(self, windows: list[list[int]]) -> list[list[dict]]:
        """The best items of each window of rows."""
        order = sorted(range(len(windows)), key=lambda index: len(windows[index]))
        result: list[list[dict]] = [[]] * len(windows)
        for begin in range(0, len(order), CHUNK):
            chunk = order[begin : begin + CHUNK]
            longest = len(windows[chunk[-1]])
            rows = np.zeros((len(chunk), longest), np.int64)
            last = np.empty(len(chunk), np.int64)
            for line, index in enumerate(chunk):
                window = windows[index]
                rows[line, : len(window)] = window
                last[line] = line * longest + len(window) - 1
            scores, best = self.session.run(None, {"rows": rows, "last": last})
            for index, line_scores, line_best in zip(chunk, scores.tolist(), best.tolist()):
                result[index] = [
                    {"item": self.items[row], "score": score} for row, score in zip(line_best, line_scores)
                ]
        return result


class Worker:
    """One consumer, one producer, one connection to Redis."""

    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.model = Model(options.model, options.top_k, options.threads)
        self.label = {"name": options.model.name, "version": "1", "kernel": "onnxruntime"}
        self.redis = redis.Redis.from_url(options.redis)
        self.producer = Producer(
            {
                "bootstrap.servers": options.brokers,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 1,
                "partitioner": "murmur2_random",
            }
        )
        self.consumer = Consumer(
            {
                "bootstrap.servers": options.brokers,
                "group.id": options.group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "partition.assignment.strategy": "cooperative-sticky",
            }
        )
        self.consumer.subscribe([options.clicks], on_assign=self.assigned)
        self.stops = False

    def run(self) -> None:
        """Until a signal comes."""
        while not self.stops:
            messages = self.take()
            if messages:
                self.work(messages)
                self.producer.flush()
                self.commit()
        self.consumer.close()

    def assigned(self, consumer: Consumer, partitions: list) -> None:
        """Says so in the log."""
        if partitions:
            print(f"assigned {len(partitions)} partitions", flush=True)

    def commit(self) -> None:
        """What a rebalance gives to another worker is read again there."""
        try:
            self.consumer.commit(asynchronous=False)
        except KafkaException as failure:
            if failure.args[0].code() not in REBALANCED:
                raise

    def take(self) -> list[Message]:
        """What is there, without waiting for more: `consume` alone would wait until the batch is full."""
        first = self.consumer.poll(IDLE_SECONDS)
        if first is None:
            return []
        messages = [first, *self.consumer.consume(self.options.batch - 1, timeout=0)]
        for message in messages:
            if message.error() is not None and message.error().code() != KafkaError._PARTITION_EOF:
                raise KafkaException(message.error())
        return [message for message in messages if message.error() is None]

    def work(self, messages: list[Message]) -> None:
        """A batch: read the sessions, predict, write Redis, produce."""
        clicks = [(message, orjson.loads(message.value())) for message in messages]
        fresh: dict[str, list[str]] = {}
        for _, click in clicks:
            fresh.setdefault(click["session"], []).append(click["item"])

        # The lists are appended to and read in one round trip. They are not cut, because their length is the click's number.
        pipeline = self.redis.pipeline(transaction=False)
        for session, items in fresh.items():
            key = f"peer:{{{session}}}:items"
            pipeline.rpush(key, *items)
            pipeline.expire(key, KEEP_SECONDS)
            pipeline.lrange(key, -self.model.max_length - len(items), -1)
        replies = pipeline.execute()
        rows = self.model.rows
        state: dict[str, tuple[list[int], int]] = {}
        for index, (session, items) in enumerate(fresh.items()):
            length, stored = replies[3 * index], replies[3 * index + 2]
            state[session] = ([rows[item.decode()] for item in stored], length - len(items))

        windows = []
        done = dict.fromkeys(fresh, 0)
        for _, click in clicks:
            session = click["session"]
            history, before = state[session]
            done[session] += 1
            end = len(history) - len(fresh[session]) + done[session]
            windows.append(history[max(0, end - window_size(before + done[session], self.model.max_length)) : end])

        predictions = []
        latest = {}
        for (message, click), best in zip(clicks, self.model.predict(windows)):
            source = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
            prediction = click | {"predictions": best, "model": self.label, "source": source}
            predictions.append(orjson.dumps(prediction))
            latest[click["session"]] = predictions[-1]
        # A frontend that hears of a prediction finds it in Redis.
        pipeline = self.redis.pipeline(transaction=False)
        for session, prediction in latest.items():
            pipeline.set(f"peer:{{{session}}}:next", prediction, ex=KEEP_SECONDS)
        pipeline.execute()
        for (message, _), prediction in zip(clicks, predictions):
            self.produce(message.key(), prediction)

    def produce(self, key: bytes, value: bytes) -> None:
        while True:
            try:
                return self.producer.produce(self.options.predictions, value, key)
            except BufferError:
                self.producer.poll(0.1)

    def stop(self, *_) -> None:
        """A signal's handler: the batch at hand is finished first."""
        self.stops = True


def parse() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="the model directory")
    parser.add_argument("--brokers", default="127.0.0.1:9092")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/0")
    parser.add_argument("--group", default="peer")
    parser.add_argument("--clicks", default="clicks", help="the topic to read")
    parser.add_argument("--predictions", default="predictions", help="the topic to write")
    parser.add_argument("--batch", type=int, default=512, help="most clicks worked on together")
    parser.add_argument("--top-k", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1, help="of ONNX Runtime")
    return parser.parse_args()


if __name__ == "__main__":
    began = time.monotonic()
    worker = Worker(parse())
    signal.signal(signal.SIGTERM, worker.stop)
    signal.signal(signal.SIGINT, worker.stop)
    print(f"model ready after {time.monotonic() - began:.1f} s", flush=True)
    worker.run()
