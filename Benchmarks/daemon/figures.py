"""Figures from what was measured: percentiles, medians over runs, the tables and the targets."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import numpy as np

PERCENTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def percentile(ordered: np.ndarray, share: float) -> float:
    """The smallest value that at least `share` of them do not exceed."""
    return float(ordered[max(0, int(np.ceil(share * len(ordered))) - 1)])


def latencies(nanoseconds: np.ndarray) -> dict[str, float | None]:
    """Percentiles in ms. What never came (negative) took longer than all that did: a percentile among those is None."""
    values = np.where(nanoseconds < 0, np.inf, nanoseconds / 1e6)
    ordered = np.sort(values)
    result: dict[str, float | None] = {}
    for name, share in PERCENTILES.items():
        value = percentile(ordered, share)
        result[name] = None if np.isinf(value) else value
    return result


def middle(runs: list[dict], *path: str) -> float | None:
    """The median over runs of one figure; None where a run does not have it."""
    values = []
    for run in runs:
        value = run
        for key in path:
            value = value.get(key) if value is not None else None
        if value is None:
            return None
        values.append(value)
    return median(values)


def number(value: float | None, digits: int = 1) -> str:
    """A figure for people; `–` where there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.{digits}f}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def costs(runs: list[dict], system: str) -> list[str]:
    """CPU seconds for a million clicks, by process."""
    return [number(middle(runs, "cpu_per_million", name)) for name in (system, "broker", "redis")]


def select(runs: list[dict], **wanted) -> list[dict]:
    return [run for run in runs if all(run.get(key) == value for key, value in wanted.items())]


def cases(runs: list[dict], *keys: str) -> list[tuple]:
    """The different values of these keys, in order of their first run."""
    return list(dict.fromkeys(tuple(run[key] for key in keys) for run in runs))


def sustained_table(runs: list[dict]) -> str:
    rows = []
    for items, system in cases(runs, "items", "system"):
        chosen = select(runs, items=items, system=system)
        rates = [run["rate"] for run in chosen]
        spread = f"{number(min(rates))}–{number(max(rates))}"
        cost = costs(chosen, system)
        per_second = middle(chosen, "clicks_per_cpu_second")
        rows.append([f"{items:,}", system, number(median(rates)), spread, *cost, number(per_second)])
    header = ["items", "worker", "clicks/s", "runs", "its CPU", "broker", "redis", "clicks per CPU second"]
    return table(header, rows)


def latency_table(runs: list[dict]) -> str:
    rows = []
    for items, rate, system in cases(runs, "items", "asked", "system"):
        chosen = select(runs, items=items, asked=rate, system=system)
        values = [number(middle(chosen, "latency", name), 2) for name in PERCENTILES]
        missing = sum(run["missing"] for run in chosen)
        generator = [number(middle(chosen, "cpu_per_million", "loadgen")), number(middle(chosen, "sent_late_share"), 2)]
        rows.append(
            [f"{items:,}", f"{rate:,}", system, *values, f"{missing:,}", *costs(chosen, system), *generator]
        )
    header = ["items", "clicks/s", "worker", "p50 ms", "p99 ms", "p99.9 ms", "not in time"]
    return table(header + ["its CPU", "broker", "redis", "loadgen", "sent late %"], rows)


def ratios(runs: list[dict]) -> list[dict]:
    """The daemon against the peer, for each size: clicks a CPU second of their own, and of all processes together."""
    result = []
    for (items,) in cases(runs, "items"):
        ours, theirs = (select(runs, items=items, system=system) for system in ("daemon", "peer"))
        if ours and theirs:
            own, whole, speed = (
                middle(ours, key) / middle(theirs, key)
                for key in ("clicks_per_cpu_second", "clicks_per_cpu_second_of_all", "rate")
            )
            result.append({"items": items, "own": own, "all": whole, "rate": speed})
    return result


def targets(sustained: list[dict], paced: list[dict]) -> list[dict]:
    """What is to be reached, where this run measured it."""
    result = []

    def judge(name: str, value: float | None, bound: float, at_least: bool, measured: bool) -> None:
        if measured:
            reached = value is not None and (value >= bound if at_least else value <= bound)
            result.append({"target": name, "measured": value, "bound": bound, "reached": reached})

    ours = select(sustained, items=10_000, system="daemon")
    own = middle(ours, "cpu_per_million", "daemon") if ours else None
    judge("sustained, 10,000 items: clicks/s, at least", middle(ours, "rate") if ours else None, 30_000, True, bool(ours))
    judge("sustained, 10,000 items: CPU µs a click of the daemon, at most", own, 20, False, bool(ours))
    slow = select(paced, items=10_000, system="daemon", asked=1000)
    p99 = middle(slow, "latency", "p99") if slow else None
    judge("1,000 clicks/s, 10,000 items: p99 in ms, at most", p99, 5, False, bool(slow))
    for ratio in ratios(sustained):
        name = f"{ratio['items']:,} items: clicks per CPU second, times the peer's, at least"
        judge(name, ratio["own"], 10, True, True)
    return result


def report(result: dict) -> str:
    """The whole run in markdown."""
    machine = result["machine"]
    parts = [
        f"{machine['cpu']}, {machine['cores']} cores; load {machine['load']:.2f} before the run; "
        f"{result['options']['partitions']} partitions; worker threads of the daemon: {result['daemon_workers']}; "
        f"processes of the peer: {result['options']['peer_processes']}.\n",
        "Sustained: a backlog is worked off. CPU in seconds for a million clicks.\n",
        sustained_table(result["sustained"]),
    ]
    for each in result["windows"]:
        parts.append(
            f"{each['items']:,} items: a click has {each['mean'] - 1:.1f} others of its session before it in the window, on "
            "average.\n"
        )
    if result["paced"]:
        parts += ["From produce to prediction visible, at a given rate.\n", latency_table(result["paced"])]
    for ratio in ratios(result["sustained"]):
        parts.append(
            f"{ratio['items']:,} items: the daemon takes {ratio['rate']:.1f} times the peer's clicks a second, "
            f"{ratio['own']:.1f} times as many for a CPU second of its own, {ratio['all']:.1f} times as many for a CPU second of "
            "worker, broker and Redis together.\n"
        )
    for each in result["agreement"]:
        parts.append(
            f"{each['items']:,} items: of {each['clicks']:,} clicks, daemon and peer predicted the same top-{each['top_k']} set for "
            f"{each['same_set']:.2%}, in the same order for {each['same_order']:.2%}; {each['overlap']:.3%} of the items agree.\n"
        )
    for each in result["targets"]:
        verdict = "reached" if each["reached"] else "missed"
        parts.append(f"* {each['target']} {number(each['bound'], 0)}: {number(each['measured'], 2)}, {verdict}")
    return "\n".join(parts) + "\n"


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name."""
    for line in cpuinfo.read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"
