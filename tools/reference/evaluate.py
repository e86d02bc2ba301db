"""Evaluate a model of the reference trainers: after every event, where is the next item?

    python tools/reference/evaluate.py DIR TEST.tsv [--top-k 20] [--json FILE]

Each prediction is a full forward pass over the serving window of its event. All items are
ranked, none is left out. Unknown targets, and windows without a known item, are misses.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from metrics import CUTOFFS, MISS, quality, ranks
from models import SessionModel, load_model
from sessions import read_sessions, to_rows
from windows import UNKNOWN, window_rows

BATCH = 256


@dataclass
class Question:
    """A window of known items, and the item that came next."""

    window: list[int]
    target: int


def make_questions(sessions: list[list[int]], config: dict) -> list[Question]:
    """One for every event after the first of its session."""
    return [
        Question(window_rows(session, event, config), session[event])
        for session in sessions
        for event in range(1, len(session))
    ]


def last_hidden(model: SessionModel, windows: list[list[int]]) -> Tensor:
    """The hidden state after each window [batch, d]; windows are padded on the right."""
    longest = max(len(window) for window in windows)
    rows = torch.tensor([window + [0] * (longest - len(window)) for window in windows])
    last = torch.tensor([len(window) - 1 for window in windows])
    return model(rows)[torch.arange(len(windows)), last]


@torch.inference_mode()
def find_ranks(model: SessionModel, questions: list[Question]) -> list[int | None]:
    """The rank of each target, `MISS` where it can't be predicted."""
    found: list[int | None] = [MISS] * len(questions)
    possible = [i for i, question in enumerate(questions) if question.window and question.target != UNKNOWN]
    for begin in range(0, len(possible), BATCH):
        chosen = possible[begin : begin + BATCH]
        scores = model.scores(last_hidden(model, [questions[i].window for i in chosen]))
        targets = torch.tensor([questions[i].target for i in chosen])
        for i, rank in zip(chosen, ranks(scores, targets).tolist()):
            found[i] = rank
    return found


def evaluate(model: SessionModel, sessions: list[list[int]], top_k: int = 20) -> dict:
    """All figures for sessions of rows."""
    begin = time.monotonic()
    questions = make_questions(sessions, model.config())
    found = find_ranks(model, questions)
    cutoffs = sorted({k for k in CUTOFFS if k < top_k} | {top_k})
    return {
        "sessions": len(sessions),
        "targets": len(questions),
        "unknown_targets": sum(question.target == UNKNOWN for question in questions),
        "empty_windows": sum(not question.window for question in questions),
        "evaluation_seconds": round(time.monotonic() - begin, 2),
    } | quality(found, cutoffs)


def report(directory: Path, test: Path, top_k: int = 20, json_file: Path | None = None) -> None:
    """Evaluate a model directory; print the figures, and write them to `json_file`."""
    model, catalogue = load_model(directory)
    result = {"data": test.name} | evaluate(model, to_rows(read_sessions(test), catalogue), top_k)
    for name, value in result.items():
        print(f"{name:<20} {value:.5f}" if "@" in name else f"{name:<20} {value}")
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=2) + "\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="DIR", help="a model directory")
    parser.add_argument("test", type=Path, metavar="TEST.tsv", help="sessions: SessionId, ItemId, Time")
    parser.add_argument("--top-k", type=int, default=20, help="the largest cutoff")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    report(options.model, options.test, options.top_k, options.json)


if __name__ == "__main__":
    main()
