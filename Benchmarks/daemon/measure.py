"""One measurement: a worker started, its load, its clock, its cost, its end."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from argparse import Namespace
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import numpy as np
import redis

import figures
from kafka_clients import Topics
from processes import Failure, Server, cpu_seconds, die_with_parent, workers

ROOT = Path(__file__).resolve().parents[2]
TOP_K = 20
SAMPLE = 5000
"""Predictions of each worker that are compared, over all partitions."""
PROBES = 20_000
"""Clicks that a worker sees before it is measured: most visitors are in the middle of their sessions then."""
GRACE_SECONDS = 5
"""How long after the last paced click its prediction may still come."""


@dataclass
class Bench:
    """What all measurements of a run share."""

    folder: Path
    brokers: str
    redis_port: int
    broker: Server
    store: Server
    topics: Topics
    options: Namespace
    seen_workers: int = 0
    names: int = 0

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self.redis_port}/0"

    def name(self, what: str) -> str:
        """A name that nothing in this run has had."""
        self.names += 1
        return f"{what}-{self.names}"

    def start(self, stack: ExitStack, system: str, model: Path, clicks: str, predictions: str) -> list[Server]:
        """A worker that reads `clicks` from the beginning, as a new group, over an empty Redis. It is there when this returns, and
        ends with the stack."""
        with redis.Redis(port=self.redis_port) as client:
            client.flushall()
        group = self.name(system)
        if system == "daemon":
            file = self.folder / f"{group}.yaml"
            file.write_text(self.daemon_configuration(model, clicks, predictions, group))
            daemon = Server.start(group, [str(self.options.daemon), "--config", str(file)], self.folder / f"{group}.log")
            keep(stack, daemon)
            daemon.wait_for("serving", 60)
            return [daemon]
        command = [sys.executable, str(ROOT / "Benchmarks" / "peer" / "worker.py")]
        command += ["--model", str(model), "--brokers", self.brokers, "--redis", self.redis_url, "--group", group]
        command += ["--clicks", clicks, "--predictions", predictions, "--top-k", str(TOP_K)]
        command += ["--threads", str(self.options.peer_threads)]
        # What numpy could do by threads is small; its threads would only wait.
        environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        servers = []
        for number in range(self.options.peer_processes):
            log = self.folder / f"{group}-{number}.log"
            servers.append(Server.start(f"{group}/{number}", command, log, environment))
            keep(stack, servers[-1])
        for server in servers:
            server.wait_for("assigned", 60)
        return servers

    def daemon_configuration(self, model: Path, clicks: str, predictions: str, group: str) -> str:
        """Defaults, but for the servers' addresses and the beginning of the topic."""
        lines = [f"workers: {self.options.workers}"] if self.options.workers is not None else []
        lines += [f"model: {model}"]
        lines += ["kafka:", f"  bootstrap_servers: {self.brokers}", f"  group_id: {group}"]
        lines += ["consumer:", f"  topic: {clicks}", "  offset_reset: earliest"]
        lines += ["publisher:", f"  topic: {predictions}"]
        lines += ["redis:", f"  url: {self.redis_url}", "predictions:", f"  top_k: {TOP_K}"]
        return "\n".join(lines) + "\n"

    def costs(self, system: str, servers: list[Server]) -> dict[str, float]:
        """CPU seconds that each has used by now."""
        groups = {system: servers, "broker": [self.broker], "redis": [self.store]}
        return {name: cpu_seconds(server.pid for server in members) for name, members in groups.items()}

    def load(self, *arguments: object) -> subprocess.Popen:
        """The load generator."""
        command = [str(self.options.loadgen), *map(str, arguments)]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, preexec_fn=die_with_parent
        )

    def fill(self, topic: str, clicks: Path, first: int, count: int) -> dict:
        """Sends clicks as fast as it can; and what that cost."""
        before = cpu_seconds([self.broker.pid])
        *_, last = lines(self.load("fill", self.brokers, topic, clicks, first, count), [self.broker])
        cost = (cpu_seconds([self.broker.pid]) - before) * 1e6 / count
        return json.loads(last) | {"broker_cpu_per_million": cost}

    def watch(self, generator: subprocess.Popen, system: str, servers: list[Server]) -> tuple[dict, dict[str, float]]:
        """The generator's result, and the CPU seconds between its `begin` and its `end`."""
        marks = {}
        for line in lines(generator, [*servers, self.broker, self.store]):
            word = line.split(" ")[0]
            if word == "begin" and system == "daemon":
                self.seen_workers = workers(servers[0].pid)
            if word in ("begin", "end"):
                marks[word] = self.costs(system, servers)
            if word.startswith("{"):
                result = json.loads(line)
        return result, {name: marks["end"][name] - marks["begin"][name] for name in marks["end"]}

    def sustained(self, system: str, model: Path, clicks: Path) -> tuple[dict, list[bytes]]:
        """A worker works off a backlog. It is up, has its partitions and has seen some clicks when they come, all at once; the clock
        begins when they lie there, and ends with the last prediction. And some of the predictions."""
        count = self.options.clicks
        names = self.name(f"clicks-{system}"), self.name(f"predictions-{system}")
        self.topics.create(*names)
        with ExitStack() as stack:
            servers = self.start(stack, system, model, *names)
            self.fill(names[0], clicks, 0, PROBES)
            self.drain(system, servers, names[1], PROBES)
            filled = self.fill(names[0], clicks, PROBES, count)
            result, cpu = self.drain(system, servers, names[1], PROBES + count)
        sample = list(self.topics.read(names[1], SAMPLE // self.topics.partitions))
        self.topics.delete(*names)
        done = result["last"] - result["first"]
        if done < count / 2 or cpu[system] < 0.2:
            raise Failure(f"{system}: {count} clicks are too few to measure: only {done} were left when all lay there")
        measured = {
            "system": system,
            "clicks": done,
            "seconds": result["seconds"],
            "rate": done / result["seconds"],
            "cpu_seconds": cpu | {"loadgen": result["cpu"]},
            "cpu_per_million": {name: value * 1e6 / done for name, value in cpu.items()},
            "clicks_per_cpu_second": done / cpu[system],
            "clicks_per_cpu_second_of_all": done / sum(cpu.values()),
            "fill": filled,
        }
        return measured, sample

    def drain(
        self, system: str, servers: list[Server], predictions: str, count: int
    ) -> tuple[dict, dict[str, float]]:
        """Waits for that many predictions."""
        limit = self.options.limit
        result, cpu = self.watch(self.load("drain", self.brokers, predictions, count, limit), system, servers)
        if result["last"] < count:
            raise Failure(f"{system}: {result['last']} of {count} predictions within {limit} s:\n{servers[0].tail()}")
        return result, cpu

    def paced(self, system: str, model: Path, clicks: Path, rate: int, seconds: int) -> dict:
        """Clicks come at `rate`; how long each took to its prediction."""
        names = self.name(f"clicks-{system}"), self.name(f"predictions-{system}")
        file = self.folder / "latencies"
        self.topics.create(*names)
        with ExitStack() as stack:
            servers = self.start(stack, system, model, *names)
            durations = self.options.warm_up, seconds, GRACE_SECONDS
            generator = self.load("pace", self.brokers, *names, clicks, rate, *durations, self.options.linger, file)
            result, cpu = self.watch(generator, system, servers)
        self.topics.delete(*names)
        nanoseconds = np.fromfile(file, np.int64)
        cpu["loadgen"] = result["cpu"]
        return {
            "system": system,
            "asked": rate,
            "clicks": result["clicks"],
            "seconds": result["seconds"],
            "latency": figures.latencies(nanoseconds),
            # Tells a slow beginning, or a queue that grows, from a level.
            "latency_by_tenth": [figures.latencies(part) for part in np.array_split(nanoseconds, 10)],
            "missing": int((nanoseconds < 0).sum()),
            "open_at_end": result["open_at_end"],
            "duplicates": result["duplicates"],
            "foreign": result["foreign"],
            "sent_late_share": 100 * result["sent_late"] / result["clicks"],
            "most_late_ms": result["most_late_ms"],
            "cpu_seconds": cpu,
            "cpu_per_million": {name: value * 1e6 / result["clicks"] for name, value in cpu.items()},
        }


def keep(stack: ExitStack, server: Server) -> None:
    """Stops a server with the stack."""
    stack.callback(server.stop)


def lines(generator: subprocess.Popen, servers: list[Server]) -> Iterator[str]:
    """The generator's lines as they come, as long as the servers live; ends it where they don't."""
    assert generator.stdout is not None
    text = b""
    try:
        while True:
            ready, _, _ = select.select([generator.stdout], [], [], 1)
            for server in servers:
                server.check()
            if not ready:
                continue
            data = os.read(generator.stdout.fileno(), 65536)
            if not data:
                break
            *whole, text = (text + data).split(b"\n")
            for line in whole:
                yield line.decode()
        if generator.wait():
            raise Failure(f"the load generator ended with {generator.returncode}")
    finally:
        generator.kill()
        generator.wait()
        generator.stdout.close()
