"""Topics, and the predictions that two workers gave for the same clicks."""

from __future__ import annotations

import json
import time
from typing import Iterable, Iterator

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from processes import Failure

Place = tuple[int, int]
"""Partition and offset of a click."""


class Topics:
    """Topics of one replica."""

    def __init__(self, brokers: str, partitions: int) -> None:
        self.brokers, self.partitions = brokers, partitions
        self.admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})

    def create(self, *names: str) -> None:
        topics = [NewTopic(name, num_partitions=self.partitions, replication_factor=1) for name in names]
        for future in self.admin.create_topics(topics, operation_timeout=30).values():
            future.result(60)

    def delete(self, *names: str) -> None:
        for future in self.admin.delete_topics(list(names), operation_timeout=30).values():
            future.result(60)

    def read(self, topic: str, per_partition: int) -> Iterator[bytes]:
        """The first records of each partition."""
        consumer = Consumer(
            {"bootstrap.servers": self.brokers, "group.id": "sample", "enable.auto.commit": False, "log_level": 0}
        )
        try:
            left = {}
            for partition in range(self.partitions):
                _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
                left[partition] = min(end, per_partition)
            consumer.assign([TopicPartition(topic, partition, 0) for partition in left])
            deadline = time.monotonic() + 60
            while any(left.values()):
                if time.monotonic() > deadline:
                    raise Failure(f"{topic} could not be read within a minute")
                for message in consumer.consume(500, timeout=0.5):
                    if message.error() is None and left[message.partition()] > 0:
                        left[message.partition()] -= 1
                        yield message.value()
        finally:
            consumer.close()


def by_place(values: Iterable[bytes]) -> dict[Place, list[str]]:
    """The items of each prediction, by the click that it was made for."""
    result = {}
    for value in values:
        prediction = json.loads(value)
        source = prediction["source"]
        result[source["partition"], source["offset"]] = [each["item"] for each in prediction["predictions"]]
    return result


def agreement(ours: dict[Place, list[str]], theirs: dict[Place, list[str]]) -> dict:
    """How far two workers predicted the same for the same clicks: the share with the same items in any order, the share in the same order,
    and the share of items that are in both."""
    common = ours.keys() & theirs.keys()
    if not common:
        raise Failure("no click was predicted by both")
    pairs = [(ours[place], theirs[place]) for place in common]
    return {
        "clicks": len(pairs),
        "same_set": sum(set(a) == set(b) for a, b in pairs) / len(pairs),
        "same_order": sum(a == b for a, b in pairs) / len(pairs),
        "overlap": sum(len(set(a) & set(b)) for a, b in pairs) / max(1, sum(len(a) for a, _ in pairs)),
    }
