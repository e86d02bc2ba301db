"""Running what the table of commands names: logs, times, figures, and figures that are used again."""

from __future__ import annotations

import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Failure(Exception):
    """Something that a person has to see to."""


@dataclass
class Row:
    """A line of a table."""

    dataset: str
    name: str
    kind: str
    """ours, baseline or reference"""
    figures: dict[str, float]
    seconds: float | None = None
    """of the training alone"""
    process: float | None = None
    """of the whole process that trained"""
    expected: tuple[float, float] | None = None
    notes: list[str] = field(default_factory=list)


@dataclass
class Done:
    """A command that has ended well."""

    command: str
    seconds: float
    began: str
    cpu: float = 0
    """processor seconds, of it and what it started"""


def fill(template: str, values: dict[str, object]) -> list[str]:
    """The words of a command, its placeholders filled in (each within a word, so that paths may have blanks)."""
    return [word.format(**values) for word in shlex.split(template)]


def run(words: list[str], log: Path) -> Done:
    """Run a command to its end; what it prints goes to `log`. Raises `Failure` with the log's end where it fails."""
    began, begin, cpu = now(), time.monotonic(), children_cpu()
    print(f"$ {shlex.join(words)}", file=sys.stderr, flush=True)
    with log.open("w") as file:
        try:
            status = subprocess.run(words, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode
        except OSError as error:
            raise Failure(f"{words[0]} can't be started: {error.strerror}") from error
    seconds, cpu = time.monotonic() - begin, children_cpu() - cpu
    print(f"  {seconds:.1f} s, {cpu:.1f} s of processors", file=sys.stderr, flush=True)
    if status != 0:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise Failure(f"status {status} from: {shlex.join(words)}\n{end}\n(all of it: {log})")
    return Done(shlex.join(words), seconds, began, cpu)


def children_cpu() -> float:
    """Processor seconds of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def now() -> str:
    """The time, in UTC, to the second."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def first_line(words: list[str]) -> str:
    """The first line that a command prints, or why there is none."""
    try:
        text = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown ({type(error).__name__})"
    return (text.stdout.strip() or text.stderr.strip() or "unknown").splitlines()[0]


def machine() -> dict:
    """What the figures depend on beside the code."""
    cpu = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    commit = first_line(["git", "rev-parse", "--short=12", "HEAD"])
    changed = bool(subprocess.run(["git", "status", "--porcelain"], capture_output=True, cwd=ROOT).stdout.strip())
    return {
        "date": now(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "commit": commit + (" with uncommitted changes" if changed else ""),
        "swift": first_line(["swift", "--version"]),
        "python": platform.python_version(),
        "torch": first_line([sys.executable, "-c", "import torch; print(torch.__version__)"]),
    }


def replay_rows(dataset: str, report: dict, name: str) -> list[Row]:
    """The rows of an evaluation report of `intentd --replay`: the model first, under `name`, then the baselines."""
    evaluation = report.get("evaluation")
    if not evaluation or not evaluation.get("rows"):
        raise Failure("the report of intentd --replay has no evaluation")
    rows = []
    for index, row in enumerate(evaluation["rows"]):
        figures = {}
        for at in row["metrics"]:
            figures |= {f"HR@{at['k']}": at["hitRate"], f"MRR@{at['k']}": at["mrr"], f"NDCG@{at['k']}": at["ndcg"]}
        is_model = index == 0
        notes = [f"{row['evictedSessions']} sessions had to make room"] if row.get("evictedSessions") else []
        rows.append(Row(dataset, name if is_model else row["name"], "ours" if is_model else "baseline", figures, notes=notes))
    return rows


def stopped_early(result: dict) -> list[str]:
    """What has to be said of a reference that was still learning when its time was over."""
    if result.get("ended_by") == "patience" or "ended_by" not in result:
        return []
    at = f"ended by {result['ended_by']} after {result['epochs']} epochs, best one {result['best_epoch']}"
    return [at + (": may not have converged" if result["epochs"] - result["best_epoch"] < 20 else "")]


def reused(folder: Path | None, key: str) -> dict | None:
    """Figures of a reference that were measured before, `KEY.json` in the folder, with the time when the file was written."""
    if folder is None or not (file := folder / f"{key}.json").exists():
        return None
    written = datetime.fromtimestamp(file.stat().st_mtime, timezone.utc).strftime("%Y-%m-%d")
    return json.loads(file.read_text()) | {"reused": f"reused, of {written}"}


def without_last(source: Path, target: Path) -> int:
    """Copy sequences without each line's last item, so that no training can see it; lines with one item go.
    Returns how many lines are left."""
    kept = 0
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as out:
        for line in lines:
            items = line.split()
            if len(items) > 1:
                out.write(" ".join(items[:-1]) + "\n")
                kept += 1
    return kept


def training_seconds(model: Path) -> float | None:
    """The seconds of the training itself, from the model directory's `metrics.json`: of the phase that made the weights, or where only that is
    said, of all phases."""
    file = model / "metrics.json"
    metrics = json.loads(file.read_text()) if file.exists() else {}
    for name in ("training_seconds", "seconds"):
        if isinstance(value := metrics.get(name), (int, float)):
            return float(value)
    return None


def phase_seconds(training: dict) -> tuple[float, float]:
    """The seconds of the search's epochs and of the refit's, from a training report."""
    search = (training.get("search") or {}).get("epochs", [])
    return sum(epoch["seconds"] for epoch in search), sum(epoch["seconds"] for epoch in training["refit"])
