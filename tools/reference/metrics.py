"""Ranks, and the figures made of them."""

from __future__ import annotations

import math
from typing import Sequence

import torch
from torch import Tensor

CUTOFFS = (1, 5, 10, 20)
MISS: None = None
"""The rank of a target that no prediction can contain."""


def ranks(scores: Tensor, targets: Tensor) -> Tensor:
    """The rank from 1 of each target among all items [batch, V]; of equal scores the lower row is first."""
    own = scores.gather(1, targets.unsqueeze(1))
    rows = torch.arange(scores.shape[1])
    better = (scores > own) | ((scores == own) & (rows < targets.unsqueeze(1)))
    return better.sum(1) + 1


def quality(found: Sequence[int | None], cutoffs: Sequence[int] = CUTOFFS) -> dict[str, float]:
    """HR, MRR, NDCG and MAP at each cutoff, for one relevant item a prediction.

    With one relevant item the ideal gain is 1, so NDCG is 1/log2(rank + 1), and average
    precision is the reciprocal rank. A target beyond the cutoff, or `MISS`, counts 0.
    """
    result: dict[str, float] = {}
    for k in cutoffs:
        hits = [rank for rank in found if rank is not None and rank <= k]
        sums = {
            "HR": float(len(hits)),
            "MRR": math.fsum(1 / rank for rank in hits),
            "NDCG": math.fsum(1 / math.log2(rank + 1) for rank in hits),
        }
        sums["MAP"] = sums["MRR"]
        result |= {f"{name}@{k}": value / max(len(found), 1) for name, value in sums.items()}
    return result
