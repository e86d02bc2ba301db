"""A plain forward pass of the `sasrec` architecture: one window, everything recomputed, float64.

Nothing here is shortened: padding stands in the window as `L - n` real slots, so that a
runtime that computes one slot and counts it is checked against the definition.
SASRec: Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018.
Rotary positions: Su et al., "RoFormer", 2021.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Weights = dict[str, Tensor]


def norm(x: Tensor, weights: Weights, name: str, config: dict) -> Tensor:
    """The LayerNorm that is called `name`."""
    size = (config["hidden_size"],)
    return F.layer_norm(x, size, weights[f"{name}.weight"], weights[f"{name}.bias"], config["layer_norm_epsilon"])


def rotate(x: Tensor, base: float) -> Tensor:
    """Turn the pairs (2m, 2m+1) of every head of `x` [heads, length, head size], as complex numbers."""
    heads, length, size = x.shape
    rates = base ** (-2 * torch.arange(size // 2, dtype=x.dtype) / size)
    angles = torch.outer(torch.arange(length, dtype=x.dtype), rates)
    pairs = torch.view_as_complex(x.reshape(heads, length, size // 2, 2).contiguous())
    turned = pairs * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(turned).reshape(heads, length, size)


def attend(a: Tensor, b: Tensor, weights: Weights, name: str, config: dict) -> Tensor:
    """Causal attention: queries from `a`, keys and values from `b`, both [length, d]."""
    length, size, heads = len(a), config["hidden_size"], config["heads"]

    def project(x: Tensor, part: str) -> Tensor:
        y = F.linear(x, weights[f"{name}.{part}.weight"], weights.get(f"{name}.{part}.bias"))
        return y.reshape(length, heads, size // heads).transpose(0, 1)

    query, key, value = project(a, "query"), project(b, "key"), project(b, "value")
    if config["positions"] == "rotary":
        base = config.get("rotary_base", 10000)
        query, key = rotate(query, base), rotate(key, base)
    scores = query @ key.transpose(1, 2) / math.sqrt(size // heads)
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    mixed = torch.softmax(scores.masked_fill(future, -math.inf), dim=-1) @ value
    mixed = mixed.transpose(0, 1).reshape(length, size)
    if not config.get("attention_output", True):
        return mixed
    return F.linear(mixed, weights[f"{name}.output.weight"], weights.get(f"{name}.output.bias"))


def feed_forward(x: Tensor, weights: Weights, name: str, config: dict) -> Tensor:
    """Two linear maps with the activation between them."""
    activation = F.relu if config["activation"] == "relu" else F.gelu
    inner = activation(F.linear(x, weights[f"{name}.in.weight"], weights.get(f"{name}.in.bias")))
    return F.linear(inner, weights[f"{name}.out.weight"], weights.get(f"{name}.out.bias"))


def block(x: Tensor, weights: Weights, i: int, config: dict) -> Tensor:
    """Block `i`, with its LayerNorms where `norm` puts them."""
    name = f"blocks.{i}"

    def n1(y: Tensor) -> Tensor:
        return norm(y, weights, f"{name}.attention_norm", config)

    def n2(y: Tensor) -> Tensor:
        return norm(y, weights, f"{name}.ffn_norm", config)

    def attention(a: Tensor, b: Tensor) -> Tensor:
        return attend(a, b, weights, f"{name}.attention", config)

    def ffn(y: Tensor) -> Tensor:
        return feed_forward(y, weights, f"{name}.ffn", config)

    if config["norm"] == "pre":
        x = x + attention(n1(x), n1(x))
        return x + ffn(n2(x))
    if config["norm"] == "post":
        x = n1(x + attention(x, x))
        return n2(x + ffn(x))
    query = n1(x)
    y = n2(query + attention(query, x))
    return y + ffn(y)


def embed(rows: list[int], weights: Weights, config: dict) -> tuple[Tensor, Tensor]:
    """The input of the first block, and which of its slots are items [length, 1]."""
    size, length = config["hidden_size"], config["max_length"]
    x = weights["item_embedding.weight"][rows]
    if config.get("scale_embedding", False):
        x = x * math.sqrt(size)
    if config["positions"] == "start":
        x = x + weights["position_embedding.weight"][: len(rows)]
    if config["positions"] == "end":
        x = x + weights["position_embedding.weight"][length - len(rows) :]
    padding = config.get("padding", "none")
    slots = 0 if padding == "none" else length - len(rows)
    empty = torch.zeros(size, dtype=x.dtype)
    row = weights["padding_embedding"] if padding == "attended" else empty
    x = torch.cat([row.repeat(slots, 1), x])
    if config.get("embedding_norm", False):
        x = norm(x, weights, "embedding_norm", config)
    is_item = (torch.arange(len(x)) >= slots).unsqueeze(1)
    return x, is_item


def hidden_state(rows: list[int], weights: Weights, config: dict) -> Tensor:
    """The hidden state [d] after the window `rows`, a full forward pass."""
    x, is_item = embed(rows, weights, config)
    zeroed = config.get("padding", "none") == "attended-zeroed"
    if zeroed:
        x = x * is_item
    for i in range(config["blocks"]):
        x = block(x, weights, i, config)
        if zeroed:
            x = x * is_item
    if config.get("final_norm", False):
        x = norm(x, weights, "final_norm", config)
    return x[-1]


def torch_encoder_layer(weights: Weights, i: int, config: dict) -> nn.TransformerEncoderLayer:
    """PyTorch's own encoder layer with the weights of block `i`."""
    layer = nn.TransformerEncoderLayer(
        config["hidden_size"],
        config["heads"],
        config["ffn_size"],
        dropout=0.0,
        activation=config["activation"],
        layer_norm_eps=config["layer_norm_epsilon"],
        batch_first=True,
        norm_first=config["norm"] == "pre",
        dtype=torch.float64,
    )
    own = {name.removeprefix(f"blocks.{i}."): tensor for name, tensor in weights.items()}
    state = {
        f"self_attn.in_proj_{part}": torch.cat([own[f"attention.{p}.{part}"] for p in ("query", "key", "value")])
        for part in ("weight", "bias")
    }
    renamed = {
        "self_attn.out_proj": "attention.output",
        "linear1": "ffn.in",
        "linear2": "ffn.out",
        "norm1": "attention_norm",
        "norm2": "ffn_norm",
    }
    for theirs, ours in renamed.items():
        for part in ("weight", "bias"):
            state[f"{theirs}.{part}"] = own[f"{ours}.{part}"]
    layer.load_state_dict(state)
    return layer.eval()


def torch_encoder_hidden_state(rows: list[int], weights: Weights, config: dict) -> Tensor:
    """The same hidden state by `nn.TransformerEncoderLayer`; for forms that PyTorch has itself."""
    x, _ = embed(rows, weights, config)
    mask = nn.Transformer.generate_square_subsequent_mask(len(rows), dtype=torch.float64)
    x = x.unsqueeze(0)
    for i in range(config["blocks"]):
        x = torch_encoder_layer(weights, i, config)(x, src_mask=mask, is_causal=True)
    x = x.squeeze(0)
    if config.get("final_norm", False):
        x = norm(x, weights, "final_norm", config)
    return x[-1]
