"""A frontend as it could be anyone's: sends clicks to Kafka, reads predictions from Kafka and from Redis.

Knows nothing of intentd but what docs/event-formats.md, docs/predictions.md and docs/redis.md say. It checks what it reads, prints
figures as one JSON object, and ends with an error where something is not as documented.

    pip install confluent-kafka redis
    python3 client.py --bootstrap-servers localhost:9092 --clicks clicks --predictions predictions \
        --redis redis://localhost:6379 --items items.txt
"""

import argparse
import json
import random
import sys
import time
import urllib.parse

import redis
from confluent_kafka import Consumer, Producer

CLICKS = 300


def key_of(prefix, session):
    """The key of a session's latest prediction, as docs/redis.md has it."""
    for character in "%{}":
        session = session.replace(character, urllib.parse.quote(character))
    return f"{prefix}:{{{session}}}:next"


def send(options, items):
    """Sends clicks of some sessions side by side; the clicks of each session, in order."""
    producer = Producer({"bootstrap.servers": options.bootstrap_servers, "enable.idempotence": True})
    failures = []
    clicks = {}
    visitors = [f"python-{n}" for n in range(18)] + ["Grüße aus {Köln}", "100% \"quoted\" \\ slashed"]
    for number in range(options.count):
        session = random.choice(visitors)
        click = {"session": session, "item": random.choice(items), "time": int(time.time() * 1000), "type": "click"}
        clicks.setdefault(session, []).append(click)
        producer.produce(
            options.clicks,
            key=session,
            value=json.dumps(click, ensure_ascii=number % 2 == 0),
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
        producer.poll(0)
    left = producer.flush(30)
    assert left == 0 and not failures, f"{left} clicks not delivered: {failures[:3]}"
    return clicks


def receive(options, count):
    """The predictions on the topic, by session, in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": options.bootstrap_servers,
            "group.id": f"client-{random.getrandbits(64):x}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([options.predictions])
    predictions = {}
    received = 0
    deadline = time.monotonic() + options.seconds
    while received < count and time.monotonic() < deadline:
        for message in consumer.consume(500, timeout=1):
            assert not message.error(), message.error()
            prediction = json.loads(message.value())
            headers = dict(message.headers())
            assert message.key().decode() == prediction["session"]
            assert headers["source_topic"].decode() == options.clicks
            predictions.setdefault(prediction["session"], []).append(prediction)
            received += 1
    consumer.close()
    return predictions


def check(prediction, click, items):
    """One prediction against the click that it follows."""
    assert prediction["item"] == click["item"] and prediction["time"] == click["time"], (prediction, click)
    listed = prediction["predictions"]
    assert listed, prediction
    assert [entry["rank"] for entry in listed] == list(range(1, len(listed) + 1)), listed
    scores = [entry["score"] for entry in listed]
    assert scores == sorted(scores, reverse=True), scores
    assert all(entry["item"] in items for entry in listed), listed
    assert prediction["model"]["name"] and prediction["model"]["version"], prediction


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--clicks", required=True, help="the topic of clicks")
    parser.add_argument("--predictions", required=True, help="the topic of predictions")
    parser.add_argument("--redis", required=True, help="redis://host:port")
    parser.add_argument("--prefix", default="intentd", help="state.prefix of the daemon")
    parser.add_argument("--items", required=True, help="items.txt of the model directory")
    parser.add_argument("--count", type=int, default=CLICKS, help="clicks to send")
    parser.add_argument("--seconds", type=float, default=60, help="longest wait for predictions")
    options = parser.parse_args()

    with open(options.items, encoding="utf-8") as file:
        items = file.read().splitlines()
    began = time.monotonic()
    clicks = send(options, items)
    predictions = receive(options, options.count)
    seconds = time.monotonic() - began
    known = set(items)
    assert sorted(predictions) == sorted(clicks), "sessions differ"
    for session, listed in predictions.items():
        assert len(listed) == len(clicks[session]), (session, len(listed), len(clicks[session]))
        for prediction, click in zip(listed, clicks[session]):
            check(prediction, click, known)

    store = redis.Redis.from_url(options.redis)
    for session, listed in predictions.items():
        stored = store.get(key_of(options.prefix, session))
        assert stored is not None, f"nothing under {key_of(options.prefix, session)}"
        assert json.loads(stored)["predictions"] == listed[-1]["predictions"], session
    total = sum(len(listed) for listed in predictions.values())
    json.dump({"clicks": options.count, "predictions": total, "sessions": len(clicks), "seconds": seconds}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
