"""What every format has in common: the questions that it asks, and the model that comes out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import torch
from torch import Tensor

from .failures import UsageFailure

Scores = Callable[[list[int]], Tensor]
"""The source's own forward pass: from the rows of a window, oldest first, to the scores of all rows [V]."""


@dataclass
class Options:
    """What the command line said of the model; None where it said nothing."""

    source: Path
    format: str
    answers: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """The answer to `name`, or `default`."""
        value = self.answers.get(name)
        return default if value is None else value

    def need(self, name: str, why: str) -> Any:
        """The answer to `name`, which can't be read from the checkpoint."""
        value = self.answers.get(name)
        if value is None:
            raise UsageFailure(f"--from {self.format} needs --{name.replace('_', '-')}: {why}")
        return value


@dataclass
class Foreign:
    """A model that was read: as a model directory, and as the source would compute it."""

    config: dict[str, Any]
    """Of the model directory, without name, format version and item count."""
    tensors: dict[str, Tensor]
    """Of the model directory, fp32."""
    numbers: list[int]
    """The source's own number of each row."""
    scores: Scores
    items: list[str] | None = None
    """External ids, where the source knows them."""
    lost_items: str | None = None
    """Why the source's external ids could not be read, and what to do."""
    source_window: str = "newest"
    """What the source sees of a long session: its "newest" items, or the "whole session"."""
    notes: list[str] = field(default_factory=list)
    """What was assumed, for the user to see."""


def double(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors for the source's forward pass."""
    return {name: value.double() for name, value in state.items()}


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int, hidden: Tensor) -> Tensor:
    """Attention of several heads over projected rows [n, d]; `hidden` [n, n] is added to the dot products."""
    length, size = query.shape
    width = size // heads
    mixed = []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        scores = query[:, part] @ key[:, part].T / math.sqrt(width) + hidden
        mixed.append(torch.softmax(scores, dim=-1) @ value[:, part])
    return torch.cat(mixed, dim=1).reshape(length, size)


def future(length: int, amount: float = -math.inf) -> Tensor:
    """A causal mask [length, length]: `amount` where the key comes after the query."""
    return torch.full((length, length), amount, dtype=torch.float64).triu(1)
