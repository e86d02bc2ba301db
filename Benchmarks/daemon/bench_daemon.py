"""The whole daemon on this machine, with broker and Redis beside it, against the worker that one would write instead.

Run it by `make bench-daemon`; docs/performance.md says what the lines mean.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path

import figures
import workload
from comparison import agreement, by_place
from kafka_clients import Topics
from measure import PROBES, ROOT, TOP_K, Bench, keep
from processes import Failure, find_kafka, start_kafka, start_redis

SYSTEMS = ("daemon", "peer")


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def parse() -> Namespace:
    build = ROOT / ".build-bench"
    parser = ArgumentParser(description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter)
    parser.add_argument("--items", type=numbers, default=[10_000, 100_000], help="sizes of the catalogue")
    parser.add_argument("--rates", type=numbers, default=[1000, 10_000], help="clicks a second, for the latencies")
    parser.add_argument("--clicks", type=int, default=200_000, help="backlog that is worked off")
    parser.add_argument(
        "--median-clicks", type=float, default=workload.MEDIAN_CLICKS, help="half of the sessions are no longer"
    )
    parser.add_argument("--runs", type=int, default=3, help="of each measurement; medians are shown")
    parser.add_argument("--seconds", type=int, default=20, help="measured time at each rate")
    parser.add_argument("--warm-up", type=int, default=10, help="seconds at each rate before that")
    parser.add_argument("--broker-warm-up", type=int, default=40, help="seconds at each rate before everything else")
    parser.add_argument("--linger", type=float, default=0, help="ms that the paced producer waits for more clicks")
    parser.add_argument("--limit", type=int, default=600, help="seconds that a backlog may take")
    parser.add_argument("--partitions", type=int, default=8, help="of each topic")
    parser.add_argument("--workers", type=int, help="of the daemon; without it, its default")
    parser.add_argument("--peer-processes", type=int, default=os.cpu_count(), help="workers of the peer, one group")
    parser.add_argument("--peer-threads", type=int, default=1, help="of ONNX Runtime in each of them")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--quick", action="store_true", help="a look: 10,000 items, one short run of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to this file")
    parser.add_argument("--daemon", type=Path, default=ROOT / ".build/release/intentd")
    parser.add_argument("--loadgen", type=Path, default=build / "loadgen")
    parser.add_argument("--models", type=Path, default=build / "models", help="where generated models are kept")
    options = parser.parse_args()
    if options.quick:
        options.items, options.runs, options.seconds, options.warm_up = options.items[:1], 1, 5, 2
        options.clicks, options.broker_warm_up = min(options.clicks, 40_000), 0
    return options


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def model(options: Namespace, items: int) -> Path:
    """The model directory of this size. It is written again where the code that writes it is newer."""
    directory = options.models / f"bench-{items}"
    config = directory / "config.json"
    if not config.exists() or config.stat().st_mtime < Path(workload.__file__).stat().st_mtime:
        say(f"writing a model of {items:,} items")
        workload.write_model(directory, items)
    return directory


def warm_up(bench: Bench, options: Namespace, directory: Path, file: Path) -> None:
    """A broker that has just started compiles its code while it runs: for half a minute of each kind of load it takes a core
    for that alone, which is no cost of a click."""
    say("warming up the broker")
    bench.sustained("daemon", directory, file)
    for rate in options.rates:
        bench.paced("daemon", directory, file, rate, options.broker_warm_up)


def run_items(bench: Bench, options: Namespace, items: int, result: dict) -> None:
    """Everything that is measured at one size of the catalogue."""
    directory = model(options, items)
    clicks = workload.make_clicks(items, PROBES + options.clicks, options.median_clicks)
    file = bench.folder / f"clicks-{items}.tsv"
    workload.write_clicks(file, clicks)
    result["windows"].append({"items": items, "mean": workload.mean_window(clicks, PROBES)})
    if items == options.items[0] and options.broker_warm_up:
        warm_up(bench, options, directory, file)
    samples = {}
    for run in range(options.runs):
        for system in options.systems:
            measured, samples[system] = bench.sustained(system, directory, file)
            result["sustained"].append({"items": items} | measured)
            say(f"{items:,} items, run {run + 1}: {system} takes {measured['rate']:,.0f} clicks/s")
    if len(samples) == 2:
        ours, theirs = (by_place(samples[system]) for system in SYSTEMS)
        result["agreement"].append({"items": items, "top_k": TOP_K} | agreement(ours, theirs))
    for rate in options.rates:
        for run in range(options.runs):
            for system in options.systems:
                measured = bench.paced(system, directory, file, rate, options.seconds)
                result["paced"].append({"items": items} | measured)
                p99 = figures.number(measured["latency"]["p99"], 2)
                say(f"{items:,} items, {rate:,} clicks/s, run {run + 1}: {system} has a p99 of {p99} ms")


def run(options: Namespace, result: dict) -> None:
    """Fills `result` as it goes on."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="intentd-bench-")))
        say("starting Apache Kafka and Redis")
        broker, brokers = start_kafka(find_kafka(ROOT), folder, lambda server: keep(stack, server))
        store, port = start_redis(folder, lambda server: keep(stack, server))
        topics = Topics(brokers, options.partitions)
        bench = Bench(folder, brokers, port, broker, store, topics, options)
        for items in options.items:
            run_items(bench, options, items, result)
            result["daemon_workers"] = bench.seen_workers


def main() -> int:
    options = parse()
    # A TERM takes the way of Ctrl-C: everything that was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given = {name: value for name, value in vars(options).items() if not isinstance(value, Path)}
    machine = {"cpu": figures.cpu_name(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    result = {"machine": machine, "options": given, "daemon_workers": 0}
    result |= {"windows": [], "sustained": [], "paced": [], "agreement": []}
    status = 0
    try:
        run(options, result)
    except Failure as failure:
        # What was measured until then is shown nevertheless.
        print(f"bench-daemon: {failure}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        return 130
    result["targets"] = figures.targets(result["sustained"], result["paced"])
    if result["sustained"]:
        print(figures.report(result))
        if options.json is not None:
            options.json.write_text(json.dumps(result, indent=2) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
