"""Parity: the same sessions through the source's forward pass and through `intentd inspect`."""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
from pathlib import Path
from typing import Iterator, NamedTuple

import torch
from torch import Tensor

from .failures import ImportFailure, UsageFailure
from .foreign import Foreign
from .serving import window_size

LIMIT = 1e-3
"""Largest difference, relative to max(1, largest |score|), with which a model is written."""
SESSIONS = 3
"""Random sessions a check, where all scores are compared."""
MOST_SCORES = 5_000_000
"""Up to so many scores a session, all of them are compared; beyond, the best ones of chosen events."""
LONGEST_SESSION = 1000
BEST = 1000
EVERY_EVENT = 150
"""Up to so many events of a session, each is compared; beyond, the first, those around the longest window, and random ones."""
MORE_EVENTS = 40
"""So many random ones. Where the best scores are compared, each event is a call of its own, so this is the bound there, too."""
MOST_BYTES = 100_000
"""Bytes of a session on the command line."""
PATIENCE = 600
"""Seconds for one call of intentd."""


class Parity(NamedTuple):
    """What was compared, and the largest difference."""

    error: float
    sessions: int
    events: int
    scores: str


def find_binary(given: Path | None) -> Path | None:
    """The daemon's executable: as given, else the one built in this repository or in the current folder, else the PATH's."""
    if given is not None:
        if not given.is_file():
            raise UsageFailure(f"--intentd {given} is no file")
        return given
    for root in (Path(__file__).resolve().parents[3], Path.cwd()):
        if (root / ".build/release/intentd").is_file():
            return root / ".build/release/intentd"
    found = shutil.which("intentd")
    return Path(found) if found else None


def run_inspect(binary: Path, folder: Path, *arguments: str) -> str:
    """What `intentd inspect` prints of the model in `folder`."""
    command = [str(binary), "inspect", *arguments, "--", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImportFailure(f"{binary} could not be run: {error}") from error
    if done.returncode != 0:
        message = done.stderr.strip().replace(f"{folder}/", "")
        raise ImportFailure(f"intentd refuses the model directory: {message or f'status {done.returncode}'}")
    return done.stdout


def chosen_events(length: int, longest: int, every: int, source: random.Random) -> list[int]:
    """Events (from 1) of a session of `length` that are compared, for a model with longest window `longest`: each
    where there are at most `every`."""
    if length <= every:
        return list(range(1, length + 1))
    kept = (longest + 1) // 2
    edges = {1, 2, 3, kept, longest - 1, longest, longest + 1, longest + 2, 2 * longest - kept, 2 * longest - kept + 1, length}
    edges |= {2 * longest - kept + 2}
    return sorted({event for event in edges if 1 <= event <= length} | set(source.sample(range(1, length + 1), min(length, MORE_EVENTS))))


def typed_items(items: list[str], length: int) -> list[int]:
    """Rows whose ids can be typed in a session of `length`: no commas or blanks, and short enough."""
    longest = MOST_BYTES // length - 1
    rows = [r for r, item in enumerate(items) if "," not in item and item == item.strip() and len(item.encode()) <= longest]
    rows = [r for r in rows if items[r].isprintable()]
    if not rows:
        raise ImportFailure("no item id can be typed in a session (without commas, blanks at its ends, and not too long)")
    return rows


def _difference(expected: Tensor, found: Tensor) -> float:
    """The largest difference, relative to max(1, largest |score|); infinite where a score is no number."""
    if not (torch.isfinite(expected).all() and torch.isfinite(found).all()):
        return math.inf
    return float((expected - found).abs().max() / max(1.0, float(expected.abs().max())))


def _compare_all(binary: Path, folder: Path, foreign: Foreign, config: dict, items: list[str], rows: list[int],
                 events: list[int]) -> Iterator[float]:
    """Differences of all scores after `events` of the session `rows`."""
    lines = run_inspect(binary, folder, "--logits", "--session=" + ",".join(items[row] for row in rows)).splitlines()
    if len(lines) != len(rows):
        raise ImportFailure(f"intentd printed {len(lines)} lines for a session of {len(rows)} events")
    for event in events:
        printed = json.loads(lines[event - 1].replace("-inf", "NaN").replace("inf", "NaN").replace("nan", "NaN"))
        window = rows[event - window_size(event, config) : event]
        if printed["position"] != event or printed["known"] != len(window):
            raise ImportFailure(
                f"event {event}: intentd sees {printed['known']} items, the import expected {len(window)}; "
                "are this tool and the daemon of the same version?"
            )
        found = torch.tensor(printed["logits"], dtype=torch.float64)
        yield _difference(foreign.scores(window), found)


def _compare_best(binary: Path, folder: Path, foreign: Foreign, config: dict, items: list[str], rows: list[int],
                  events: list[int]) -> Iterator[float]:
    """Differences of the best scores after `events` of the session `rows`: of each item's own, and of each place."""
    index = {item: row for row, item in enumerate(items)}
    count = min(BEST, len(items))
    for event in events:
        session = "--session=" + ",".join(items[row] for row in rows[:event])
        lines = run_inspect(binary, folder, f"--top-k={count}", session).split("\n")[:-1]
        expected = foreign.scores(rows[event - window_size(event, config) : event])
        if len(lines) != count:
            raise ImportFailure(f"intentd printed {len(lines)} items, expected {count}")
        parts = [(line.partition("\t")[2].rpartition("\t")) for line in lines]
        found = torch.tensor([float(score) for _, _, score in parts], dtype=torch.float64)
        own = expected[[index[item] for item, _, _ in parts]]
        best = expected.topk(count).values
        scale = max(1.0, float(expected.abs().max()))
        yield max(_difference(own, found), _difference(best, found)) * max(1.0, float(own.abs().max())) / scale


def check_parity(binary: Path, folder: Path, foreign: Foreign, config: dict, items: list[str], seed: int) -> Parity:
    """Random sessions, up to twice the longest window and beyond, through both. `config` is what was written."""
    longest = config["max_length"]
    length = 2 * longest + 3
    is_small = len(items) * length <= MOST_SCORES and length <= LONGEST_SESSION
    compare, sessions = (_compare_all, SESSIONS) if is_small else (_compare_best, 1)
    source = random.Random(seed)
    candidates = typed_items(items, length)
    worst, count = 0.0, 0
    with torch.inference_mode():
        for _ in range(sessions):
            rows = [source.choice(candidates) for _ in range(length)]
            events = chosen_events(length, longest, EVERY_EVENT if is_small else MORE_EVENTS, source)
            for difference in compare(binary, folder, foreign, config, items, rows, events):
                worst = max(worst, difference)
                count += 1
    return Parity(worst, sessions, count, "all" if is_small else f"the {min(BEST, len(items))} best")
