"""What `make bench-daemon` computes with: the parts that need no server."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import comparison
import figures
import processes
import workload
from models import load_model
from windows import serving_size


def test_percentiles_by_hand() -> None:
    thousand = np.arange(1, 1001)[::-1] * 1_000_000
    assert figures.latencies(thousand) == {"p50": 500.0, "p99": 990.0, "p99.9": 999.0}
    assert figures.latencies(np.array([3_000_000])) == {"p50": 3.0, "p99": 3.0, "p99.9": 3.0}


def test_what_never_came_is_slower_than_all_that_did() -> None:
    nanoseconds = np.full(1000, 2_000_000)
    nanoseconds[:5] = -1
    assert figures.latencies(nanoseconds) == {"p50": 2.0, "p99": 2.0, "p99.9": None}


def test_medians_need_every_run() -> None:
    runs = [{"latency": {"p99": value}} for value in (5.0, 1.0, 2.0)]
    assert figures.middle(runs, "latency", "p99") == 2.0
    assert figures.middle([*runs, {"latency": {"p99": None}}], "latency", "p99") is None


def test_targets_are_judged_by_the_medians() -> None:
    def sustained(system: str, rate: float, cpu: float) -> dict:
        costs = {"items": 10_000, "system": system, "rate": rate, "cpu_per_million": {system: cpu}}
        return costs | {"clicks_per_cpu_second": 1e6 / cpu, "clicks_per_cpu_second_of_all": 5e5 / cpu}

    runs = [sustained("daemon", 31_000, 10.0), sustained("daemon", 29_000, 11.0), sustained("daemon", 35_000, 9.0)]
    runs.append(sustained("peer", 5_000, 90.0))
    paced = [{"items": 10_000, "system": "daemon", "asked": 1000, "latency": {"p99": None}}]
    verdicts = {each["target"]: (each["measured"], each["reached"]) for each in figures.targets(runs, paced)}
    assert list(verdicts.values()) == [(31_000, True), (10.0, True), (None, False), (9.0, False)]


def test_time_of_a_process_with_a_wild_name() -> None:
    line = "42 (a) b (c) S 1 42 42 0 -1 4194304 5 0 0 0 123 45 7 8 20 0 4 0 100 0 0"
    assert processes.cpu_ticks(line) == 168


def test_time_of_this_process() -> None:
    before, own = processes.cpu_seconds([os.getpid()]), time.process_time()
    while time.process_time() < own + 0.3:
        pass
    assert 0.25 < processes.cpu_seconds([os.getpid()]) - before < 0.5


def test_children_end_with_the_driver(tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(Path(processes.__file__).parent)!r})\n"
        "from pathlib import Path; import os, processes\n"
        f"server = processes.Server.start('sleep', ['sleep', '60'], Path({str(tmp_path / 'log')!r}))\n"
        "print(server.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    driver = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=30)
    pid = int(driver.stdout)
    deadline = time.monotonic() + 10

    def is_alive() -> bool:
        stat = Path(f"/proc/{pid}/stat")
        return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"

    while is_alive():
        assert time.monotonic() < deadline, "the child outlived the driver"
        time.sleep(0.02)


def test_agreement_by_hand() -> None:
    ours = {(0, 0): ["a", "b"], (0, 1): ["a", "b"], (1, 0): ["a", "b"], (1, 7): ["x", "y"]}
    theirs = {(0, 0): ["a", "b"], (0, 1): ["b", "a"], (1, 0): ["a", "c"], (2, 0): ["x", "y"]}
    result = comparison.agreement(ours, theirs)
    assert result == {"clicks": 3, "same_set": 2 / 3, "same_order": 1 / 3, "overlap": 5 / 6}


def test_clicks_are_the_same_each_time_and_realistic() -> None:
    clicks = workload.make_clicks(500, 40_000, active=100)
    assert clicks == workload.make_clicks(500, 40_000, active=100)
    lengths = np.unique([session for session, _ in clicks], return_counts=True)[1]
    assert 5.5 < lengths.mean() < 6.9
    assert lengths.max() <= workload.MOST_CLICKS
    items, counts = np.unique([item for _, item in clicks], return_counts=True)
    assert items[counts.argmax()] == workload.item_id(workload.popularity(500, 1)[0])
    assert 0.12 < counts.max() / len(clicks) < 0.17  # 1 / (1 + 1/2 + … + 1/500) = 0.147
    # Neighbours in time are of different sessions.
    assert sum(a[0] == b[0] for a, b in zip(clicks, clicks[1:])) < 0.03 * len(clicks)


def test_the_mean_window_counts_to_the_models_length() -> None:
    assert workload.mean_window([("a", "x"), ("b", "x"), ("a", "y")]) == pytest.approx(4 / 3)
    assert workload.mean_window([("a", "x"), ("b", "x"), ("a", "y")], first=2) == 2
    long = [("a", "x")] * 60
    assert workload.mean_window(long) == pytest.approx((sum(range(1, 51)) + 10 * 50) / 60)


def test_the_peers_graph_is_the_model(tmp_path: Path) -> None:
    """Model directory, its reading by the reference trainers, and the peer's graph over padded batches: the same items."""
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    import graph

    workload.write_model(tmp_path, 300)
    model, catalogue = load_model(tmp_path)
    serialised, items, length = graph.build(tmp_path, 20)
    assert items == catalogue and length == workload.MAX_LENGTH
    session = onnxruntime.InferenceSession(serialised, providers=["CPUExecutionProvider"])
    source = random.Random(5)
    windows = [[source.randrange(300) for _ in range(size)] for size in (1, 2, 7, 50, 33)]
    longest = max(map(len, windows))
    rows = np.array([window + [0] * (longest - len(window)) for window in windows])
    last = np.array([longest * line + len(window) - 1 for line, window in enumerate(windows)])
    scores, best = session.run(None, {"rows": rows, "last": last})
    for window, own_scores, own_best in zip(windows, scores, best):
        with torch.no_grad():
            expected, order = model.scores(model(torch.tensor([window]))[0, -1]).topk(20)
        assert own_best.tolist() == order.tolist()
        np.testing.assert_allclose(own_scores, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_the_peer_sees_the_windows_that_the_daemon_sees() -> None:
    for needed in ("onnx", "onnxruntime", "confluent_kafka", "redis", "orjson"):
        pytest.importorskip(needed)
    import worker

    for length in (5, 50):
        assert [worker.window_size(event, length) for event in range(1, 160)] == [
            serving_size(event, length) for event in range(1, 160)
        ]
