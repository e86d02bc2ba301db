"""The models that the reference trainers produce, as PyTorch modules, and their model directories."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-5


class SessionModel(nn.Module):
    """Maps rows [batch, length] to hidden states [batch, length, d]; scores are tied to the item embeddings."""

    item_embedding: nn.Embedding
    max_length: int

    def forward(self, rows: Tensor) -> Tensor:
        """The hidden state after each row; rows after it make no difference, so padding stands on the right."""
        raise NotImplementedError

    def scores(self, hidden: Tensor) -> Tensor:
        """Scores of all items."""
        return F.linear(hidden, self.item_embedding.weight)

    def config(self) -> dict:
        """`config.json`."""
        return {
            "format_version": 1,
            "item_count": self.item_embedding.num_embeddings,
            "max_length": self.max_length,
            "output": "tied",
        }

    def renamed(self) -> dict[str, str]:
        """Parameters that have another name in `model.safetensors`."""
        return {}


class Attention(nn.Module):
    """Causal multi-head attention."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value, self.output = (nn.Linear(size, size) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Queries, keys and values from `x` [batch, length, d]."""

        def split(y: Tensor) -> Tensor:
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        dropout = self.dropout if self.training else 0.0
        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        return self.output(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """A pre-LN block: x + attention(norm(x)), then x + ffn(norm(x))."""

    def __init__(self, size: int, heads: int, ffn_size: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(size, EPSILON)
        self.attention = Attention(size, heads, dropout)
        self.ffn_norm = nn.LayerNorm(size, EPSILON)
        self.ffn = nn.ModuleDict({"in": nn.Linear(size, ffn_size), "out": nn.Linear(ffn_size, size)})
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """One block over [batch, length, d]."""
        x = x + self.dropout(self.attention(self.attention_norm(x)))
        inner = self.dropout(F.relu(self.ffn["in"](self.ffn_norm(x))))
        return x + self.dropout(self.ffn["out"](inner))


class SASRec(SessionModel):
    """Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018.

    Here with positions from the start of the window and LayerNorm in front of every sub-layer,
    so that keys and values stay valid when a session grows.
    """

    def __init__(
        self, items: int, max_length: int, size: int, blocks: int, heads: int, ffn_size: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.max_length, self.heads, self.ffn_size = max_length, heads, ffn_size
        self.item_embedding = nn.Embedding(items, size)
        self.position_embedding = nn.Embedding(max_length, size)
        self.blocks = nn.ModuleList(Block(size, heads, ffn_size, dropout) for _ in range(blocks))
        self.final_norm = nn.LayerNorm(size, EPSILON)
        self.dropout = nn.Dropout(dropout)
        self.apply(self.initialise)

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Small normal weights, no biases."""
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)

    def forward(self, rows: Tensor) -> Tensor:
        x = self.item_embedding(rows) + self.position_embedding.weight[: rows.shape[1]]
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x)
        return self.final_norm(x)

    def config(self) -> dict:
        return super().config() | {
            "architecture": "sasrec",
            "hidden_size": self.item_embedding.embedding_dim,
            "blocks": len(self.blocks),
            "heads": self.heads,
            "ffn_size": self.ffn_size,
            "norm": "pre",
            "activation": "relu",
            "layer_norm_epsilon": EPSILON,
            "final_norm": True,
            "positions": "start",
        }


class GRU4Rec(SessionModel):
    """Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016.

    Here with item embeddings that are the output matrix too (Hidasi & Karatzoglou 2018), and a
    linear map from the last layer to their size.
    """

    def __init__(
        self, items: int, max_length: int, embedding_size: int, layers: int, hidden_size: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.max_length = max_length
        self.item_embedding = nn.Embedding(items, embedding_size)
        self.gru = nn.GRU(embedding_size, hidden_size, layers, batch_first=True, dropout=dropout if layers > 1 else 0)
        self.projection = nn.Linear(hidden_size, embedding_size)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.item_embedding.weight, std=0.1)

    def forward(self, rows: Tensor) -> Tensor:
        states, _ = self.gru(self.dropout(self.item_embedding(rows)))
        return self.projection(self.dropout(states))

    def config(self) -> dict:
        return super().config() | {
            "architecture": "gru",
            "layer_sizes": [self.gru.hidden_size] * self.gru.num_layers,
            "input": "embedding",
            "embedding_size": self.item_embedding.embedding_dim,
            "projection_size": self.item_embedding.embedding_dim,
        }

    def renamed(self) -> dict[str, str]:
        parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return {f"gru.{part}_l{i}": f"layers.{i}.{part}" for i in range(self.gru.num_layers) for part in parts}


def write_model(directory: Path, model: SessionModel, catalogue: list[str], metrics: dict) -> None:
    """Write the model directory of docs/model-directory.md."""
    directory.mkdir(parents=True, exist_ok=True)
    renamed = model.renamed()
    tensors = {renamed.get(name, name): value.contiguous() for name, value in model.state_dict().items()}
    (directory / "config.json").write_text(json.dumps(model.config(), indent=2) + "\n")
    (directory / "items.txt").write_text("".join(f"{item}\n" for item in catalogue), encoding="utf-8")
    (directory / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    (directory / "model.safetensors").write_bytes(save(tensors))


def build_model(config: dict) -> SessionModel:
    """An untrained model for a `config.json` that one of the trainers wrote."""
    items, length = config["item_count"], config["max_length"]
    if config["architecture"] == "sasrec":
        size, blocks, heads = config["hidden_size"], config["blocks"], config["heads"]
        model: SessionModel = SASRec(items, length, size, blocks, heads, config["ffn_size"])
    elif config["architecture"] == "gru":
        layers = config["layer_sizes"]
        model = GRU4Rec(items, length, config["embedding_size"], len(layers), layers[0])
    else:
        raise ValueError(f"architecture {config['architecture']} is not one of the reference trainers'")
    if model.config() != config:
        differing = {key for key in config | model.config() if config.get(key) != model.config().get(key)}
        raise ValueError(f"not a model of the reference trainers: {', '.join(sorted(differing))}")
    return model


def load_model(directory: Path) -> tuple[SessionModel, list[str]]:
    """The model and the catalogue of a directory that one of the trainers wrote."""
    model = build_model(json.loads((directory / "config.json").read_text()))
    stored = load_file(directory / "model.safetensors")
    renamed = model.renamed()
    model.load_state_dict({name: stored.pop(renamed.get(name, name)) for name in model.state_dict()})
    if stored:
        raise ValueError(f"additional tensors: {', '.join(sorted(stored))}")
    catalogue = (directory / "items.txt").read_text(encoding="utf-8").splitlines()
    return model.eval(), catalogue
