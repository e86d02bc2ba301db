"""Train SASRec or gSASRec with its published method on sequences, and evaluate by leave-one-out.

    python tools/reference/train_leave_one_out.py SEQUENCES.txt --method sasrec|gsasrec [--json FILE] [--out DIR]

One user a line, items in the order of time: the last one is for the test, the one before it for
validation, the rest for training. Items that the user has seen are left out of every ranking. After
every few epochs the validation targets are ranked; training ends when their NDCG@10 has not risen for
`--patience` validations, or with `--epochs` or `--minutes`; the test is then made once, with the
weights that were best in validation.
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

GROUPS, SMALLEST_GROUP = 8, 4
"""Groups of like length that a batch is computed in, and the fewest users of one; together they make one step."""
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
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    ended_by: str = "epochs"


Group = tuple[list[int], Tensor]
"""Users, and their newest `max_length` + 1 training items, padded on the left."""


def batches(sequences: list[list[int]], method: Method, source: random.Random) -> Iterator[list[Group]]:
    """Every user once, in random order; each batch as groups of like length."""
    order = source.sample(range(len(sequences)), len(sequences))
    length = method.max_length + 1
    for begin in range(0, len(order), method.batch_size):
        batch = sorted(order[begin : begin + method.batch_size], key=lambda user: min(len(sequences[user]), length))
        width = max(-(-len(batch) // GROUPS), SMALLEST_GROUP)
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


@dataclass
class Trainer:
    """A training that can be put aside and gone on with: the same numbers come out."""

    model: PublishedSASRec
    split: Split
    seed: int
    run: Run = field(default_factory=Run)

    def __post_init__(self) -> None:
        method = self.model.method
        self.optimizer = torch.optim.Adam(self.model.parameters(), method.learning_rate, betas=(0.9, method.beta2))
        self.source, self.generator = random.Random(self.seed), torch.Generator().manual_seed(self.seed)
        self.seen = seen_matrix(self.split.training, self.model.item_embedding.num_embeddings)

    def save(self, path: Path) -> None:
        """Write all that the next epoch depends on, atomically."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "run": asdict(self.run),
            "method": asdict(self.model.method),
            "random": [torch.get_rng_state(), self.generator.get_state(), json.dumps(self.source.getstate())],
        }
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").rename(path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        state = torch.load(path, weights_only=True)
        if state["method"] != asdict(self.model.method):
            raise SystemExit(f"{path} is of another method or other settings: {state['method']}")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.run = Run(**state["run"])
        torch.set_rng_state(state["random"][0])
        self.generator.set_state(state["random"][1])
        version, numbers, gauss = json.loads(state["random"][2])
        self.source.setstate((version, tuple(numbers), gauss))

    def validate(self) -> str:
        """Rank the validation targets, keep the weights if they are the best; returns what to print."""
        run, value = self.run, evaluate(self.model, self.split.training, self.split.validation)
        is_best = value[MEASURE] > run.best_value
        if is_best:
            run.best = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
            run.best_value, run.best_epoch = value[MEASURE], run.epochs
        run.curve.append({"epoch": run.epochs, "seconds": round(run.seconds, 1), MEASURE: value[MEASURE], "HR@10": value["HR@10"]})
        return f", validation HR@10 {value['HR@10']:.4f} {MEASURE} {value[MEASURE]:.4f}{' *' if is_best else ''}"

    def epoch(self, validate: bool) -> None:
        """One epoch, and its validation if that is wanted."""
        run, begin, begin_cpu = self.run, time.monotonic(), time.process_time()
        data = batches(self.split.training, self.model.method, self.source)
        loss = train_epoch(self.model, self.optimizer, data, self.seen, self.generator)
        run.epochs += 1
        text = f"epoch {run.epochs}: loss {loss:.5f}" + (self.validate() if validate else "")
        run.seconds += time.monotonic() - begin
        run.cpu_seconds += time.process_time() - begin_cpu
        print(f"{text}, {run.seconds:.0f} s, {run.cpu_seconds:.0f} s of CPU", flush=True)

    def train(self, epochs: int, minutes: float, patience: int, validate_every: int, save: Path | None) -> Run:
        """Train until one of them is used up; the model then has the weights that were best."""
        run = self.run
        while True:
            if sum(point["epoch"] > run.best_epoch for point in run.curve) >= patience:
                run.ended_by = "patience"
                break
            if run.epochs >= epochs or run.seconds >= 60 * minutes:
                run.ended_by = "epochs" if run.epochs >= epochs else "minutes"
                break
            self.epoch((run.epochs + 1) % validate_every == 0 or run.epochs + 1 == epochs)
            if save is not None:
                self.save(save)
        if not run.curve or run.curve[-1]["epoch"] != run.epochs:
            self.validate()
        self.model.load_state_dict(run.best)
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
    keep = "keep the state of training here after every epoch, and go on from it where it is there"
    parser.add_argument("--save", type=Path, metavar="FILE", help=keep)
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


def describe(options: Namespace, model: PublishedSASRec, split: Split, run: Run) -> dict:
    """What the JSON file says before the test's figures."""
    return {
        "data": options.sequences.name,
        "users": len(split.test),
        "items": model.item_embedding.num_embeddings,
        "method": options.method,
        "settings": asdict(model.method),
        "seed": options.seed,
        "threads": options.threads,
        "niceness": os.nice(0),
        "parameters": sum(value.numel() for value in model.parameters()),
        "framework": f"torch {torch.__version__}",
        "training_seconds": round(run.seconds, 1),
        "training_cpu_seconds": round(run.cpu_seconds, 1),
        "epochs": run.epochs,
        "best_epoch": run.best_epoch,
        "ended_by": run.ended_by,
        "validation": {MEASURE: run.best_value},
        "curve": run.curve,
    }


def main() -> None:
    """Read, train, test once, write."""
    options = command_line().parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    sequences = read_sequences(options.sequences)
    catalogue = make_catalogue(sequences)
    split = leave_one_out(to_rows(sequences, catalogue))
    model = PublishedSASRec(len(catalogue), chosen_method(options))
    trainer = Trainer(model, split, options.seed)
    if options.save is not None and options.save.exists():
        trainer.load(options.save)
    run = trainer.train(options.epochs, options.minutes, options.patience, options.validate_every, options.save)
    histories = [history + [item] for history, item in zip(split.training, split.validation)]
    result = describe(options, model, split, run) | evaluate(model, histories, split.test)
    print(f"best epoch {run.best_epoch} of {run.epochs}, ended by {run.ended_by}")
    print(f"test: HR@10 {result['HR@10']:.4f} NDCG@10 {result['NDCG@10']:.4f}")
    if options.out is not None:
        write_model(options.out, model, catalogue, {name: value for name, value in result.items() if name != "curve"})
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
