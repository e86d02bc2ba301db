"""Topics: made, read, deleted."""

from __future__ import annotations

import time
from typing import Iterator

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from processes import Failure

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
        """The last records of each partition."""
        consumer = Consumer(
            {"bootstrap.servers": self.brokers, "group.id": "sample", "enable.auto.commit": False, "log_level": 0}
        )
        try:
            left, places = {}, []
            for partition in range(self.partitions):
                _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
                left[partition] = min(end, per_partition)
                places.append(TopicPartition(topic, partition, end - left[partition]))
            consumer.assign(places)
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
