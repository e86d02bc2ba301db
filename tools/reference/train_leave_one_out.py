"""Train SASRec or gSASRec with its published method on sequences, and evaluate by leave-one-out.

    python tools/reference/train_leave_one_out.py SEQUENCES.txt --method sasrec|gsasrec [--json FILE] [--out DIR]

One user a line, items in the order of time: the last one is for the test, the one before it for validation, the rest for training. Items that the user
has seen are left out of every ranking. After every few epochs the validation targets are ranked; training ends when their NDCG@10 has
not risen for `--patience` validations, or with `--epochs` or `--minutes`; the test is then made once, with the weights that were best in validation.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Iterator

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from leave_one_out import Split, evaluate, leave_one_out, pad_left, read_sequences, seen_matrix
from models import write_model
from published import METHODS, PADDING, Method, PublishedSASRec, draw_negatives, gbce, gbce_beta
from sessions import make_catalogue, to_rows

GROUPS = 8
"""Groups of like length that a batch is computed in; together they make one step."""
MEASURE = "NDCG@10"
"""What chooses the weights."""


@dataclass
class Run:
    """What a training did: `curve` has an entry a validation."""

    curve: list[dict] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_value: float = -1.0
    best_epoch: int = 0
    epochs: int = 0
    ended_by: str = "epochs"


Group = tuple[list[int], Tensor]
"""Users, and their newest `max_length` + 1 training items, padded on the left."""


def batches(sequences: list[list[int]], method: Method, source: random.Random) -> Iterator[list[Group]]:
    """Every user once, in random order; each batch as groups of like length."""
    order = source.sample(range(len(sequences)), len(sequences))
    length = method.max_length + 1
    for begin in range(0, len(order), method.batch_size):
        batch = sorted(order[begin : begin + method.batch_size], key=lambda user: min(len(sequences[user]), length))
        width = -(-len(batch) // GROUPS)
        groups = (batch[cut : cut + width] for cut in range(0, len(batch), width))
        yield [(users, pad_left([sequences[user][-length:] for user in users])) for users in groups]


def group_loss(model: PublishedSASRec, group: Group, seen: Tensor, generator: torch.Generator) -> tuple[Tensor, int]:
    """gBCE, mean over the group's positions, each with negatives of its own; and the number of positions."""
    method, (users, rows) = model.method, group
    inputs, targets = rows[:, :-1], rows[:, 1:]
    wanted = inputs != PADDING
    hidden, positive = model(inputs)[wanted], targets[wanted]
    owner = torch.tensor(users)[:, None].expand_as(targets)[wanted]
    negative = draw_negatives(seen[owner], method.negatives, method.exclude_own, generator)
    chosen = torch.cat([positive[:, None], negative], 1)
    if 8 * method.negatives > seen.shape[1] // 4:
        # Many negatives of a small catalogue: it is cheaper to score all items and to pick.
        scores = model.scores(hidden).gather(1, chosen)
    else:
        scores = (hidden[:, None] * model.item_embedding(chosen)).sum(-1)
    beta = gbce_beta(seen.shape[1], method.negatives, method.calibration)
    return gbce(scores[:, 0], scores[:, 1:], beta), len(positive)


def train_epoch(
    model: PublishedSASRec, optimizer: torch.optim.Optimizer, data: Iterator[list[Group]], seen: Tensor, generator: torch.Generator
) -> float:
    """One pass over the users; returns the mean loss of a position."""
    total, count = 0.0, 0
    model.train()
    for groups in data:
        groups = [group for group in groups if group[1].shape[1] > 1]
        positions = sum(int((rows[:, :-1] != PADDING).sum()) for _, rows in groups)
        if positions == 0:
            continue
        optimizer.zero_grad(set_to_none=True)
        for group in groups:
            loss, size = group_loss(model, group, seen, generator)
            (loss * (size / positions)).backward()
            total += loss.item() * size
        optimizer.step()
        count += positions
    return total / max(count, 1)


def train(model: PublishedSASRec, split: Split, options: Namespace, partial: Path | None = None) -> Run:
    """Train until patience, epochs or minutes are used up. `partial` gets the curve after each validation."""
    method, run = model.method, Run()
    optimizer = torch.optim.Adam(model.parameters(), method.learning_rate, betas=(0.9, method.beta2))
    source, generator = random.Random(options.seed), torch.Generator().manual_seed(options.seed)
    seen = seen_matrix(split.training, model.item_embedding.num_embeddings)
    begin, losses = time.monotonic(), []
    for epoch in range(1, options.epochs + 1):
        losses.append(train_epoch(model, optimizer, batches(split.training, method, source), seen, generator))
        minutes, run.epochs = (time.monotonic() - begin) / 60, epoch
        is_over = minutes >= options.minutes
        text = f"epoch {epoch}: loss {losses[-1]:.4f}, {minutes:.1f} min"
        if epoch % options.validate_every == 0 or epoch == options.epochs or is_over:
            value = evaluate(model, split.training, split.validation)
            is_best = value[MEASURE] > run.best_value
            if is_best:
                run.best = {name: tensor.clone() for name, tensor in model.state_dict().items()}
                run.best_value, run.best_epoch = value[MEASURE], epoch
            run.curve.append({"epoch": epoch, "loss": losses[-1], "minutes": minutes, MEASURE: value[MEASURE], "HR@10": value["HR@10"]})
            text += f", validation HR@10 {value['HR@10']:.4f} {MEASURE} {value[MEASURE]:.4f}{' *' if is_best else ''}"
            if partial is not None:
                partial.write_text(json.dumps(run.curve) + "\n")
        print(text, flush=True)
        if sum(point["epoch"] > run.best_epoch for point in run.curve) >= options.patience:
            run.ended_by = "patience"
            break
        if is_over:
            run.ended_by = "minutes"
            break
    model.load_state_dict(run.best)
    return run


def command_line() -> ArgumentParser:
    """The options."""
    parser = ArgumentParser(description=__doc__.split("\n")[0], formatter_class=ArgumentDefaultsHelpFormatter)
    parser.add_argument("sequences", type=Path, metavar="SEQUENCES.txt", help="one user a line, items in the order of time")
    parser.add_argument("--method", choices=sorted(METHODS), required=True)
    parser.add_argument("--epochs", type=int, default=10_000, help="at most")
    parser.add_argument("--minutes", type=float, default=600, help="at most, of training and validation")
    parser.add_argument("--patience", type=int, default=20, help="validations without a rise after which training ends")
    parser.add_argument("--validate-every", type=int, default=2, help="epochs")
    parser.add_argument("--seed", type=int, default=1, help="of weights, order, dropout and negatives")
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write a model directory")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    for name, kind in (("size", int), ("dropout", float), ("negatives", int), ("max-length", int), ("batch-size", int)):
        parser.add_argument(f"--{name}", type=kind, help="instead of the method's own")
    return parser


def chosen_method(options: Namespace) -> Method:
    """The published method, with what the command line sets otherwise."""
    names = ("size", "dropout", "negatives", "max_length", "batch_size")
    changed = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return replace(METHODS[options.method], **changed)


def main() -> None:
    """Read, train, test once, write."""
    options = command_line().parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    sequences = read_sequences(options.sequences)
    catalogue = make_catalogue(sequences)
    split = leave_one_out(to_rows(sequences, catalogue))
    model = PublishedSASRec(len(catalogue), chosen_method(options))
    partial = options.json.with_suffix(".curve.json") if options.json else None
    begin, begin_cpu = time.monotonic(), time.process_time()
    run = train(model, split, options, partial)
    result = {
        "data": options.sequences.name,
        "users": len(split.test),
        "items": len(catalogue),
        "method": options.method,
        "settings": asdict(model.method),
        "seed": options.seed,
        "threads": options.threads,
        "parameters": sum(value.numel() for value in model.parameters()),
        "framework": f"torch {torch.__version__}",
        "training_seconds": round(time.monotonic() - begin, 1),
        "training_cpu_seconds": round(time.process_time() - begin_cpu, 1),
        "niceness": os.nice(0),
        "epochs": run.epochs,
        "best_epoch": run.best_epoch,
        "ended_by": run.ended_by,
        "validation": {MEASURE: run.best_value},
        "curve": run.curve,
    }
    histories = [history + [item] for history, item in zip(split.training, split.validation)]
    result |= evaluate(model, histories, split.test)
    print(f"best epoch {run.best_epoch} of {run.epochs}, ended by {run.ended_by}; test HR@10 {result['HR@10']:.4f} NDCG@10 {result['NDCG@10']:.4f}")
    if options.out is not None:
        write_model(options.out, model, catalogue, {name: value for name, value in result.items() if name != "curve"})
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
