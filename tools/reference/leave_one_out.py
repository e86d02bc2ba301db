"""Sequences, one user a line, cut by leave-one-out; and how well a model ranks what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from metrics import quality, ranks
from published import PADDING, PublishedSASRec
from sessions import Sessions

CUTOFFS = (1, 5, 10, 20)
BATCH = 128


@dataclass
class Split:
    """Rows of each user: the last item is `test`, the one before it `validation`, the rest `training`."""

    training: list[list[int]]
    validation: list[int]
    test: list[int]


def read_sequences(path: Path) -> Sessions:
    """Items separated by spaces, a line a user, in the order of time."""
    return [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def leave_one_out(sequences: list[list[int]]) -> Split:
    """Users with fewer than three items have nothing to train on, and are left out."""
    usable = [sequence for sequence in sequences if len(sequence) >= 3]
    return Split([s[:-2] for s in usable], [s[-2] for s in usable], [s[-1] for s in usable])


def pad_left(lists: list[list[int]], filler: int = PADDING) -> Tensor:
    """Lists of different lengths as one matrix, filled up on the left."""
    width = max(len(values) for values in lists)
    return torch.tensor([[filler] * (width - len(values)) + values for values in lists])


def seen_matrix(histories: list[list[int]], items: int) -> Tensor:
    """[histories, items]: which items each history contains."""
    seen = torch.zeros(len(histories), items, dtype=torch.bool)
    for line, history in enumerate(histories):
        seen[line, history] = True
    return seen


def rank_unseen(scores: Tensor, histories: list[list[int]], targets: Tensor) -> Tensor:
    """Ranks from 1 of the targets among the items that are not in the histories; the targets themselves always compete."""
    seen = seen_matrix(histories, scores.shape[1])
    seen[torch.arange(len(histories)), targets] = False
    return ranks(scores.masked_fill(seen, float("-inf")), targets)


@torch.inference_mode()
def find_ranks(model: PublishedSASRec, histories: list[list[int]], targets: list[int]) -> list[int]:
    """The rank of each target after its history. The model sees the newest `max_length` items; all are excluded."""
    length = model.method.max_length
    found = [0] * len(targets)
    order = sorted(range(len(targets)), key=lambda line: min(len(histories[line]), length))
    for begin in range(0, len(order), BATCH):
        lines = order[begin : begin + BATCH]
        chosen = [histories[line] for line in lines]
        scores = model.scores(model(pad_left([history[-length:] for history in chosen]))[:, -1])
        wanted = torch.tensor([targets[line] for line in lines])
        for line, rank in zip(lines, rank_unseen(scores, chosen, wanted).tolist()):
            found[line] = rank
    return found


def evaluate(model: PublishedSASRec, histories: list[list[int]], targets: list[int]) -> dict[str, float]:
    """The figures at all cutoffs, with the model in evaluation mode."""
    model.eval()
    return quality(find_ranks(model, histories, targets), CUTOFFS)
