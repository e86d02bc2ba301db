"""Train GRU4Rec with session-parallel mini-batches and the authors' published settings for Yoochoose.

    python tools/reference/train_gru4rec_parallel.py TRAIN.tsv --out DIR [--evaluate TEST.tsv] [--json FILE]

Cross-entropy over in-batch and sampled negatives, constrained embeddings, Adagrad. Sessions come in the order of time.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser
from dataclasses import asdict
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from evaluate import evaluate
from models import write_model
from session_parallel import ParallelGRU4Rec, Settings, make_optimizer, train_epoch
from sessions import make_catalogue, read_sessions, read_sessions_by_time, to_rows


def train(sessions: list[list[int]], items: int, settings: Settings) -> tuple[ParallelGRU4Rec, dict]:
    """The model, and what `metrics.json` says of its training."""
    model = ParallelGRU4Rec(items, settings.size, settings.dropout)
    optimizer = make_optimizer(model, settings)
    counts = torch.bincount(torch.tensor([row for session in sessions for row in session]), minlength=items)
    begin, begin_cpu, loss = time.monotonic(), time.process_time(), float("nan")
    for epoch in range(1, settings.epochs + 1):
        loss = train_epoch(model, optimizer, sessions, counts, settings)
        print(f"epoch {epoch}: loss {loss:.4f}, {time.monotonic() - begin:.1f} s", flush=True)
    model.eval()
    return model, {
        "training_seconds": round(time.monotonic() - begin, 1),
        "training_cpu_seconds": round(time.process_time() - begin_cpu, 1),
        "last_epoch_loss": round(loss, 4),
    }


def main() -> None:
    """The command line."""
    defaults = Settings()
    parser = ArgumentParser(description=__doc__.split("\n")[0], formatter_class=ArgumentDefaultsHelpFormatter)
    parser.add_argument("train", type=Path, metavar="TRAIN.tsv", help="sessions: SessionId, ItemId, Time")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model directory to write")
    parser.add_argument("--evaluate", type=Path, metavar="TEST.tsv", help="evaluate on these sessions afterwards")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    for name, value in asdict(defaults).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    settings = Settings(**{name: getattr(options, name) for name in asdict(defaults)})
    sessions = read_sessions_by_time(options.train)
    catalogue = make_catalogue(sessions)
    model, metrics = train(to_rows(sessions, catalogue), len(catalogue), settings)
    about = {"data": options.train.name, "settings": asdict(settings), "framework": f"torch {torch.__version__}"}
    result = about | {"seed": options.seed, "threads": options.threads} | metrics
    write_model(options.out, model, catalogue, result)
    if options.evaluate is not None:
        result |= evaluate(model, to_rows(read_sessions(options.evaluate), catalogue))
        print(f"HR@20 {result['HR@20']:.4f} MRR@20 {result['MRR@20']:.4f}")
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
