"""GRU4Rec with session-parallel mini-batches and sampled softmax.

Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016 (the batches), and Hidasi &
Karatzoglou, "Recurrent Neural Networks with Top-k Gains for Session-based Recommendations", CIKM 2018 (additional
samples, constrained embeddings).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models import SessionModel


@dataclass(frozen=True)
class Settings:
    """The authors' published settings for Yoochoose with cross-entropy: `paramfiles/yoochoose_xe_shared_best.py`
    of github.com/hidasib/GRU4Rec and of github.com/hidasib/GRU4Rec_PyTorch_Official."""

    size: int = 480
    batch_size: int = 48
    samples: int = 2048
    sample_alpha: float = 0.2
    logq: float = 1.0
    dropout: float = 0.2
    learning_rate: float = 0.07
    epochs: int = 10


class ParallelGRU4Rec(SessionModel):
    """One GRU layer, its input the rows that score (constrained embedding), with a bias an item."""

    def __init__(self, items: int, size: int, dropout: float = 0.0, max_length: int = 200) -> None:
        super().__init__()
        self.max_length = max_length
        self.item_embedding = nn.Embedding(items, size)
        self.cell = nn.GRUCell(size, size)
        self.output = nn.ParameterDict({"bias": nn.Parameter(torch.zeros(items))})
        self.dropout = nn.Dropout(dropout)
        # Uniform within √(6 / (rows + columns)) of a gate's matrix (Glorot & Bengio), no biases.
        nn.init.xavier_uniform_(self.item_embedding.weight)
        bound = math.sqrt(6 / (2 * size))
        for name, value in self.cell.named_parameters():
            nn.init.zeros_(value) if "bias" in name else nn.init.uniform_(value, -bound, bound)

    def step(self, rows: Tensor, state: Tensor) -> Tensor:
        """The state after one event of each session; what dropout leaves of it is what the next step starts from."""
        return self.dropout(self.cell(self.item_embedding(rows), state))

    def forward(self, rows: Tensor) -> Tensor:
        state = torch.zeros(rows.shape[0], self.cell.hidden_size)
        states = []
        for column in rows.unbind(1):
            state = self.step(column, state)
            states.append(state)
        return torch.stack(states, 1)

    def scores(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.item_embedding.weight, self.output["bias"])

    def config(self) -> dict:
        return super().config() | {
            "architecture": "gru",
            "layer_sizes": [self.cell.hidden_size],
            "input": "embedding",
            "embedding_size": self.cell.hidden_size,
            "item_bias": True,
        }

    def renamed(self) -> dict[str, str]:
        return {f"cell.{part}": f"layers.0.{part}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}


@dataclass
class Step:
    """One event of every lane: `kept` are the lanes of the step before that are still there, `fresh` marks
    those of them that begin a session now."""

    rows: list[int]
    targets: list[int]
    kept: list[int]
    fresh: list[bool]


def lanes(sessions: list[list[int]], width: int) -> Iterator[Step]:
    """Sessions side by side, the next one in the order given taking the lane of one that ended.
    When none is left, lanes close."""
    waiting = (session for session in sessions if len(session) > 1)
    open_lanes = [[session, 0] for _, session in zip(range(width), waiting)]
    kept, fresh = list(range(len(open_lanes))), [True] * len(open_lanes)
    while open_lanes:
        rows = [session[at] for session, at in open_lanes]
        yield Step(rows, [session[at + 1] for session, at in open_lanes], kept, fresh)
        following, kept, fresh = [], [], []
        for lane, (session, at) in enumerate(open_lanes):
            ended = at + 2 == len(session)
            entry = [next(waiting, None), 0] if ended else [session, at + 1]
            if entry[0] is not None:
                following.append(entry)
                kept.append(lane)
                fresh.append(ended)
        open_lanes = following


def sampled_loss(model: ParallelGRU4Rec, hidden: Tensor, targets: Tensor, samples: Tensor, correction: Tensor) -> Tensor:
    """Softmax cross-entropy, summed over lanes, of each target among all lanes' targets and the samples;
    `correction` [candidates] is subtracted from the scores (logQ, Bengio & Senécal 2008)."""
    candidates = torch.cat([targets, samples])
    scores = F.linear(hidden, model.item_embedding(candidates), model.output["bias"][candidates]) - correction
    return F.cross_entropy(scores, torch.arange(len(targets)), reduction="sum")


def train_epoch(
    model: ParallelGRU4Rec, optimizer: torch.optim.Optimizer, sessions: list[list[int]], counts: Tensor, settings: Settings
) -> float:
    """One pass over the sessions; returns the mean loss of a target. The gradient goes back one step, as published."""
    model.train()
    weights = counts.double() ** settings.sample_alpha
    edges = (weights / weights.sum()).cumsum(0)
    own = settings.logq * counts.float().log()
    state, total, seen = torch.zeros(settings.batch_size, settings.size), 0.0, 0
    for step in lanes(sessions, settings.batch_size):
        state = state.detach()[step.kept] * ~torch.tensor(step.fresh)[:, None]
        samples = torch.searchsorted(edges, torch.rand(settings.samples, dtype=torch.float64)).clamp(max=len(counts) - 1)
        targets = torch.tensor(step.targets)
        state = model.step(torch.tensor(step.rows), state)
        correction = torch.cat([own[targets], settings.sample_alpha * own[samples]])
        loss = sampled_loss(model, state, targets, samples, correction)
        optimizer.zero_grad(set_to_none=True)
        (loss / settings.batch_size).backward()
        optimizer.step()
        total, seen = total + loss.item(), seen + len(targets)
    return total / max(seen, 1)


def make_optimizer(model: ParallelGRU4Rec, settings: Settings) -> torch.optim.Optimizer:
    """Adagrad without momentum; 1e-6 under the root."""
    return torch.optim.Adagrad(model.parameters(), settings.learning_rate, initial_accumulator_value=1e-6, eps=0.0)
