"""Processes that end with this one, however it ends, and what they cost."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable

TICKS = os.sysconf("SC_CLK_TCK")
"""Units a second of the times in /proc/PID/stat."""
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
ENDED = (0, -signal.SIGTERM, -signal.SIGKILL, 128 + signal.SIGTERM)
"""How a server that was stopped may end: Java's way is the last."""


class Failure(Exception):
    """Something that the benchmark can't go on without; its text is for the user."""


def die_with_parent() -> None:
    """Between fork and exec: the kernel kills the child when the driver is gone."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def cpu_ticks(stat: str) -> int:
    """User and system time, in ticks, of a line of /proc/PID/stat: all threads, those that have ended too. The name in
    parentheses may hold anything."""
    fields = stat[stat.rindex(")") + 2 :].split()
    return int(fields[11]) + int(fields[12])


def cpu_seconds(pids: Iterable[int]) -> float:
    """What these processes have used since they began."""
    return sum(cpu_ticks(Path(f"/proc/{pid}/stat").read_text()) for pid in pids) / TICKS


def workers(pid: int) -> int:
    """Threads of a daemon that work on records."""
    names = [file.read_text().strip() for file in Path(f"/proc/{pid}/task").glob("*/comm")]
    return sum(name.startswith("worker-") for name in names)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@dataclass
class Server:
    """A child with a log. A session of its own keeps the terminal's Ctrl-C from it: the driver stops it in order."""

    name: str
    process: subprocess.Popen
    log: Path

    @classmethod
    def start(cls, name: str, command: list[str], log: Path, environment: dict[str, str] | None = None) -> Server:
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,
                env=os.environ | (environment or {}),
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        """Throws where it has ended."""
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def wait_for(self, text: str, seconds: float) -> None:
        """Until its log says `text`."""
        deadline = time.monotonic() + seconds
        while text not in self.log.read_text(errors="replace"):
            self.check()
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} did not say '{text}' within {seconds:.0f} s:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self, seconds: float = 30) -> None:
        """SIGTERM; SIGKILL where that does not help in time. Says so where it did not end as it should."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            print(f"{self.name} did not end within {seconds:.0f} s, and was killed", file=sys.stderr)
        finally:
            # After a second Ctrl-C, too.
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
        if self.process.returncode not in ENDED:
            print(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}", file=sys.stderr)


def find_kafka(root: Path) -> Path:
    """An unpacked Apache Kafka: KAFKA_HOME, or ../shared/kafka beside the repository."""
    for home in (os.environ.get("KAFKA_HOME"), root.parent / "shared" / "kafka"):
        if home and (Path(home) / "bin" / "kafka-server-start.sh").is_file():
            return Path(home).resolve()
    raise Failure("Apache Kafka is needed: set KAFKA_HOME to an unpacked distribution (kafka.apache.org/downloads)")


def need(program: str, package: str) -> str:
    """The path of a program."""
    path = shutil.which(program)
    if path is None:
        raise Failure(f"{program} is not in PATH (apt-get install {package})")
    return path


KAFKA_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={folder}/kafka
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def start_kafka(home: Path, folder: Path, keep: Callable[[Server], None]) -> tuple[Server, str]:
    """A broker on free ports, with Kafka's own settings but for what one node needs; and its address."""
    need("java", "openjdk-17-jre-headless")
    port, controller = free_ports(2)
    properties = folder / "server.properties"
    properties.write_text(KAFKA_PROPERTIES.format(port=port, controller=controller, folder=folder))
    environment = {"LOG_DIR": str(folder), "KAFKA_HEAP_OPTS": "-Xms512m -Xmx1g"}
    log = folder / "kafka.log"
    command = [str(home / "bin" / "kafka-storage.sh"), "format", "-t", "AAAAAAAAQACAAAAAAAAAAQ", "--standalone"]
    format = Server.start("kafka-storage.sh", command + ["-c", str(properties)], log, environment)
    keep(format)
    if format.process.wait(90):
        raise Failure(f"Kafka's storage could not be formatted:\n{format.tail()}")
    broker = Server.start("Kafka", [str(home / "bin" / "kafka-server-start.sh"), str(properties)], log, environment)
    keep(broker)
    broker.wait_for("Kafka Server started", 120)
    return broker, f"127.0.0.1:{port}"


def start_redis(folder: Path, keep: Callable[[Server], None]) -> tuple[Server, int]:
    """A Redis on a free port that keeps nothing on disk; and its port."""
    [port] = free_ports(1)
    options = f"--port {port} --bind 127.0.0.1 --save  --appendonly no --dir {folder}".split(" ")
    server = Server.start("redis-server", [need("redis-server", "redis-server"), *options], folder / "redis.log")
    keep(server)
    server.wait_for("Ready to accept connections", 20)
    return server, port
