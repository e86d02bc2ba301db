"""SASRec and gSASRec as they were published: the network, the losses, the negatives.

Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018 (arXiv:1808.09781), and
Petrov & Macdonald, "gSASRec: Reducing Overconfidence in Sequential Recommendation Trained with
Negative Sampling", RecSys 2023 (arXiv:2308.07192).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PADDING = -1
"""The row that stands before a window that is shorter than its batch's longest one."""


@dataclass(frozen=True)
class Method:
    """What a paper trained MovieLens-1M with. `calibration` is t of gBCE; 0 makes it plain BCE."""

    size: int
    dropout: float
    negatives: int
    calibration: float
    beta2: float
    exclude_own: bool
    blocks: int = 2
    heads: int = 1
    batch_size: int = 128
    learning_rate: float = 1e-3
    max_length: int = 200


METHODS = {
    # Kang & McAuley for MovieLens-1M: d 50, dropout .2, n 200; Adam at 1e-3, batches of 128, beta2 .98 in their code;
    # a negative is an item that is not in the user's sequence.
    "sasrec": Method(50, 0.2, 1, 0.0, 0.98, exclude_own=True),
    # Petrov & Macdonald: d 128, dropout .5, n 200; 256 negatives at t .75, drawn from all items; Adam's defaults.
    "gsasrec": Method(128, 0.5, 256, 0.75, 0.999, exclude_own=False),
}


class ByteDropout(nn.Module):
    """Dropout whose masks are made of random bytes, eight of one draw: PyTorch's own draws each element, which takes
    a fifth of the training time on a CPU. The rate is rounded to a multiple of 1/256."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.limit = round(rate * 256)

    def forward(self, x: Tensor) -> Tensor:
        """Zeroes elements in training, and scales the others so that the mean stays."""
        if not self.training or self.limit == 0:
            return x
        # random_ fills 63 bits of an int64, so the sign bit's byte is not uniform; int64 over its whole range is.
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.limit
        return x * kept * (256 / (256 - self.limit))


class QueryNormBlock(nn.Module):
    """q = N1(x); x = q + Attn(q, x); y = N2(x); x = y + FFN(y): `norm: query` of docs/model-directory.md,
    no out-projection, an FFN as wide as the hidden state."""

    def __init__(self, size: int, heads: int, dropout: float, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(size, epsilon)
        self.attention = nn.ModuleDict({name: nn.Linear(size, size) for name in ("query", "key", "value")})
        self.ffn_norm = nn.LayerNorm(size, epsilon)
        self.ffn = nn.ModuleDict({"in": nn.Linear(size, size), "out": nn.Linear(size, size)})
        self.dropout = ByteDropout(dropout)

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        """One block over `x` [batch, length, d]; `visible` [batch, 1, length, length] says what each row may look at."""

        def split(y: Tensor) -> Tensor:
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        normed = self.attention_norm(x)
        query, key, value = (split(self.attention[name](y)) for name, y in (("query", normed), ("key", x), ("value", x)))
        logits = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        mixed = self.dropout(logits.masked_fill(~visible, float("-inf")).softmax(-1)) @ value
        y = self.ffn_norm(normed + mixed.transpose(1, 2).flatten(2))
        return y + self.dropout(self.ffn["out"](self.dropout(F.relu(self.ffn["in"](y)))))


class PublishedSASRec(nn.Module):
    """The network of both papers. Windows stand at the right end of the positions: the newest item
    always has the last one. Padding, on the left, is never looked at."""

    EPSILON = 1e-8

    def __init__(self, items: int, method: Method) -> None:
        super().__init__()
        self.method, size = method, method.size
        self.item_embedding = nn.Embedding(items, size)
        self.position_embedding = nn.Embedding(method.max_length, size)
        blocks = (QueryNormBlock(size, method.heads, method.dropout, self.EPSILON) for _ in range(method.blocks))
        self.blocks = nn.ModuleList(blocks)
        self.final_norm = nn.LayerNorm(size, self.EPSILON)
        self.dropout = ByteDropout(method.dropout)
        self.apply(self.initialise)

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Keras' defaults, as of the authors' code: uniform weights after Glorot & Bengio, embeddings within ±.05, no biases."""
        if isinstance(module, nn.Embedding):
            nn.init.uniform_(module.weight, -0.05, 0.05)
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)

    def forward(self, rows: Tensor) -> Tensor:
        """Hidden states [batch, length, d] for rows [batch, length], `PADDING` on the left."""
        known = rows != PADDING
        width = rows.shape[1]
        causal = torch.ones(width, width, dtype=torch.bool).tril()
        # A row of padding sees itself, since a softmax over nothing is no number.
        visible = (causal & known[:, None, :] | torch.eye(width, dtype=torch.bool))[:, None]
        x = self.item_embedding(rows.clamp(min=0)) * math.sqrt(self.method.size)
        x = self.dropout(x + self.position_embedding.weight[-width:])
        for block in self.blocks:
            x = block(x, visible)
        return self.final_norm(x)

    def scores(self, hidden: Tensor) -> Tensor:
        """Scores of all items; the output is tied to the item embeddings."""
        return F.linear(hidden, self.item_embedding.weight)

    def config(self) -> dict:
        """`config.json`."""
        method = self.method
        return {
            "format_version": 1,
            "architecture": "sasrec",
            "item_count": self.item_embedding.num_embeddings,
            "max_length": method.max_length,
            "output": "tied",
            "hidden_size": method.size,
            "blocks": method.blocks,
            "heads": method.heads,
            "ffn_size": method.size,
            "norm": "query",
            "activation": "relu",
            "layer_norm_epsilon": self.EPSILON,
            "scale_embedding": True,
            "final_norm": True,
            "attention_output": False,
            "positions": "end",
        }

    def renamed(self) -> dict[str, str]:
        """All names are those of `model.safetensors`."""
        return {}


def gbce_beta(items: int, negatives: int, calibration: float) -> float:
    """β of gBCE: with the sampling rate α = k / (|I| − 1), β = α (t (1 − 1/α) + 1/α)."""
    rate = negatives / (items - 1)
    return rate * (calibration * (1 - 1 / rate) + 1 / rate)


def gbce(positive: Tensor, negative: Tensor, beta: float) -> Tensor:
    """gBCE, mean over positions: −(log σ(s⁺)^β + Σ log(1 − σ(s⁻))) / (k + 1),
    for scores [n] of what came and [n, k] of what was drawn. BCE is β = 1."""
    total = beta * F.softplus(-positive).sum() + F.softplus(negative).sum()
    return total / (positive.numel() + negative.numel())


def draw_negatives(seen: Tensor, count: int, exclude_own: bool, generator: torch.Generator) -> Tensor:
    """Uniform negatives [n, count] for n positions; with `exclude_own` none that `seen` [n, V] marks."""
    positions, items = seen.shape
    drawn = torch.randint(items, (positions, count), generator=generator)
    while exclude_own and (own := seen.gather(1, drawn)).any():
        drawn[own] = torch.randint(items, (int(own.sum()),), generator=generator)
    return drawn
