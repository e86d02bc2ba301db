"""A plain forward pass of the `gru` and `lstm` architectures: one window, everything recomputed, float64.

PyTorch's own cells do the work, except in the layer of the official GRU4Rec, which resets
before the matrix product and has its update gate the other way round.
GRU4Rec: Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016.
"""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Weights = dict[str, Tensor]
Layer = Callable[[list[Tensor]], list[Tensor]]


def cell_layer(weights: Weights, i: int, config: dict) -> Layer:
    """Layer `i` as a cell of PyTorch, run over a list of inputs."""
    weight_ih, weight_hh = weights[f"layers.{i}.weight_ih"], weights[f"layers.{i}.weight_hh"]
    kind = nn.LSTMCell if config["architecture"] == "lstm" else nn.GRUCell
    size, bias = weight_hh.shape[1], config.get("bias", True)
    cell = kind(weight_ih.shape[1], size, bias=bias, dtype=torch.float64)
    state = {"weight_ih": weight_ih, "weight_hh": weight_hh}
    if bias:
        state |= {part: weights[f"layers.{i}.{part}"] for part in ("bias_ih", "bias_hh")}
    cell.load_state_dict(state)

    def run(inputs: list[Tensor]) -> list[Tensor]:
        zero = torch.zeros(1, size, dtype=torch.float64)
        hidden = (zero, zero) if kind is nn.LSTMCell else zero
        outputs = []
        for x in inputs:
            hidden = cell(x.unsqueeze(0), hidden)
            outputs.append((hidden[0] if kind is nn.LSTMCell else hidden)[0])
        return outputs

    return run


def official_layer(weights: Weights, config: dict) -> Layer:
    """Layer 0 of the official GRU4Rec."""
    weight_ih, weight_hh = weights["layers.0.weight_ih"], weights["layers.0.weight_hh"]
    bias = weights.get("layers.0.bias_ih")
    size = weight_hh.shape[1]
    reset_weight, update_weight, new_weight = weight_hh.split(size)

    def run(inputs: list[Tensor]) -> list[Tensor]:
        hidden, outputs = torch.zeros(size, dtype=torch.float64), []
        for x in inputs:
            for_reset, for_update, for_new = F.linear(x, weight_ih, bias).split(size)
            reset = torch.sigmoid(for_reset + reset_weight @ hidden)
            update = torch.sigmoid(for_update + update_weight @ hidden)
            new = torch.tanh(for_new + new_weight @ (reset * hidden))
            hidden = (1 - update) * hidden + update * new
            outputs.append(hidden)
        return outputs

    return run


def inputs_of(rows: list[int], weights: Weights, config: dict) -> tuple[list[Tensor], Weights]:
    """What layer 0 is fed, padding included, and the weights with a `layers.0.weight_ih` for it.

    One-hot input is taken literally: vectors with a single 1, and the item rows as columns of the
    input matrix. Padding is one more such item.
    """
    padded = config.get("padding", "none") == "recurrent-prefix"
    table = weights["item_embedding.weight" if config["input"] == "embedding" else "input.weight"]
    if padded:
        table = torch.cat([table, weights["padding_embedding"].unsqueeze(0)])
        rows = [len(table) - 1] * (config["max_length"] - len(rows)) + rows
    if config["input"] == "embedding":
        return [table[row] for row in rows], weights
    one_hot = torch.eye(len(table), dtype=torch.float64)
    return [one_hot[row] for row in rows], weights | {"layers.0.weight_ih": table.T.contiguous()}


def hidden_state(rows: list[int], weights: Weights, config: dict) -> Tensor:
    """What is multiplied with the catalogue [o] after the window `rows`, a full forward pass."""
    states, weights = inputs_of(rows, weights, config)
    for i in range(len(config["layer_sizes"])):
        official = i == 0 and config.get("gates", "pytorch") == "gru4rec"
        layer = official_layer(weights, config) if official else cell_layer(weights, i, config)
        states = layer(states)
    if "projection_size" not in config:
        return states[-1]
    return F.linear(states[-1], weights["projection.weight"], weights.get("projection.bias"))
