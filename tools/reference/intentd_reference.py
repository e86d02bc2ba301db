"""What the reference trainers share: batches of serving windows, the training loop, the command line."""

from __future__ import annotations

import random
import sys
import time
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from evaluate import report
from models import SessionModel, write_model
from sessions import make_catalogue, read_sessions, to_rows
from windows import serving_segments


@dataclass
class Example:
    """A run of serving windows: `rows[i]` is followed by `targets[i]`, `IGNORED` where it is only context."""

    rows: list[int]
    targets: list[int]


IGNORED = -100
"""The target of events without a loss."""
GROUPS = 4
"""Groups of like length that a batch is computed in."""


def make_examples(sessions: list[list[int]], max_length: int) -> list[Example]:
    """Cut sessions into serving windows, so that each event but the first is a target once."""
    examples = []
    for session in sessions:
        for start, end, first in serving_segments(len(session) - 1, max_length):
            context = [IGNORED] * (first - start)
            examples.append(Example(session[start:end], context + session[first + 1 : end + 1]))
    return examples


def pad(lists: list[list[int]], filler: int) -> Tensor:
    """Lists of different lengths as one matrix, filled up on the right."""
    width = max(len(values) for values in lists)
    return torch.tensor([values + [filler] * (width - len(values)) for values in lists])


Group = tuple[Tensor, Tensor]
"""Rows and targets [examples, longest]."""


def batches(examples: list[Example], size: int, source: random.Random) -> Iterator[list[Group]]:
    """All examples once, in random order. A batch comes in groups of like length, so that
    little is computed for padding; together they make one step."""
    order = source.sample(range(len(examples)), len(examples))
    for begin in range(0, len(order), size):
        batch = sorted((examples[index] for index in order[begin : begin + size]), key=lambda e: len(e.rows))
        width = -(-len(batch) // GROUPS)
        groups = [batch[cut : cut + width] for cut in range(0, len(batch), width)]
        yield [(pad([e.rows for e in group], 0), pad([e.targets for e in group], IGNORED)) for group in groups]


def batch_loss(model: SessionModel, groups: list[Group]) -> tuple[Tensor, int]:
    """Softmax cross-entropy over all items, mean over the events with a target; and their number."""
    hidden = torch.cat([model(rows)[targets != IGNORED] for rows, targets in groups])
    wanted = torch.cat([targets[targets != IGNORED] for _, targets in groups])
    return F.cross_entropy(model.scores(hidden), wanted), len(wanted)


def train_epoch(model: SessionModel, optimizer: torch.optim.Optimizer, data: Iterator[list[Group]]) -> float:
    """One pass over the data; returns the mean loss."""
    total, count = 0.0, 0
    model.train()
    for groups in data:
        loss, size = batch_loss(model, groups)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.item() * size
        count += size
    return total / count


def train(model: SessionModel, examples: list[Example], options: Namespace) -> dict:
    """Train with AdamW; returns what `metrics.json` says of it."""
    optimizer = torch.optim.AdamW(model.parameters(), options.learning_rate, weight_decay=options.weight_decay)
    source = random.Random(options.seed)
    begin, begin_cpu = time.monotonic(), time.process_time()
    loss = float("nan")
    for epoch in range(1, options.epochs + 1):
        loss = train_epoch(model, optimizer, batches(examples, options.batch_size, source))
        print(f"epoch {epoch}: loss {loss:.4f}, {time.monotonic() - begin:.1f} s", flush=True)
    model.eval()
    return {
        "training_seconds": round(time.monotonic() - begin, 1),
        "training_cpu_seconds": round(time.process_time() - begin_cpu, 1),
        "last_epoch_loss": round(loss, 4),
    }


def training_parser(description: str | None) -> ArgumentParser:
    """The options that all trainers have."""
    parser = ArgumentParser(description=description, formatter_class=ArgumentDefaultsHelpFormatter)
    parser.add_argument("train", type=Path, metavar="TRAIN.tsv", help="sessions: SessionId, ItemId, Time")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model directory to write")
    parser.add_argument("--evaluate", type=Path, metavar="TEST.tsv", help="evaluate on these sessions afterwards")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the evaluation to this file")
    parser.add_argument("--seed", type=int, default=1, help="seed of weights, order and dropout")
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    parser.add_argument("--batch-size", type=int, default=128, help="serving windows a step")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="of AdamW")
    parser.add_argument("--weight-decay", type=float, default=0.01, help="of AdamW")
    return parser


def describe(options: Namespace, sessions: list[list[int]], model: SessionModel) -> dict:
    """The part of `metrics.json` that is known before training."""
    return {
        "data": options.train.name,
        "sessions": len(sessions),
        "events": sum(len(session) for session in sessions),
        "targets": sum(len(session) - 1 for session in sessions),
        "parameters": sum(value.numel() for value in model.parameters()),
        "framework": f"torch {torch.__version__}",
        "options": {key: value for key, value in vars(options).items() if isinstance(value, (int, float))},
    }


def run(options: Namespace, build: Callable[[int], SessionModel]) -> None:
    """Read, train, write, and evaluate what was written. `build` makes the model for a number of items."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    sessions = read_sessions(options.train)
    catalogue = make_catalogue(sessions)
    rows = to_rows(sessions, catalogue)
    model = build(len(catalogue))
    metrics = describe(options, rows, model) | train(model, make_examples(rows, options.max_length), options)
    write_model(options.out, model, catalogue, metrics)
    if options.evaluate is not None:
        report(options.out, options.evaluate, json_file=options.json)
