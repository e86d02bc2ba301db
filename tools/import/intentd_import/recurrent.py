"""What recurrent formats share: cells by their equations, and PyTorch's names of their weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .failures import ImportFailure, UsageFailure
from .foreign import Options
from .tensors import Tensors

WHY_LENGTH = (
    "a recurrent network has no longest window, the served one has: a session's newest events up to this number "
    "are kept and encoded again after a cache miss"
)
DEFAULT_LENGTH = 200


def bounded_length(length: int) -> int:
    """`length`, which must be one that a model directory can have."""
    if not 2 <= length <= 4096:
        raise UsageFailure(f"a maximum length of {length} is out of bounds; a model directory has 2 to 4096")
    return length


def served_length(options: Options, notes: list[str]) -> int:
    """`--max-length`, or its default, which is noted."""
    length = options.get("max_length")
    if length is None:
        length = DEFAULT_LENGTH
        notes.append(f"longest window {length}: the format has none (--max-length)")
    return bounded_length(length)


def gru_rows(
    x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor | None = None, bias_hh: Tensor | None = None
) -> Tensor:
    """A GRU of PyTorch's form over the rows of `x` [n, in], from zero state: its states [n, H]. Gates r, z, n."""
    state, states = torch.zeros(weight_hh.shape[1], dtype=x.dtype), []
    for row in x:
        from_x = F.linear(row, weight_ih, bias_ih).chunk(3)
        from_h = F.linear(state, weight_hh, bias_hh).chunk(3)
        reset, update = torch.sigmoid(from_x[0] + from_h[0]), torch.sigmoid(from_x[1] + from_h[1])
        new = torch.tanh(from_x[2] + reset * from_h[2])
        state = (1 - update) * new + update * state
        states.append(state)
    return torch.stack(states)


def lstm_rows(
    x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor | None = None, bias_hh: Tensor | None = None
) -> Tensor:
    """An LSTM of PyTorch's form over the rows of `x` [n, in], from zero state: its states [n, H]. Gates i, f, g, o."""
    state = torch.zeros(weight_hh.shape[1], dtype=x.dtype)
    cell, states = state, []
    for row in x:
        gates = F.linear(row, weight_ih, bias_ih) + F.linear(state, weight_hh, bias_hh)
        into, forget, new, out = gates.chunk(4)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(into) * torch.tanh(new)
        state = torch.sigmoid(out) * torch.tanh(cell)
        states.append(state)
    return torch.stack(states)


def take_cells(
    tensors: Tensors, raw: dict[str, Tensor], prefix: str, gates: int, inputs: int, bias: bool
) -> tuple[dict[str, Tensor], list[int]]:
    """The layers of an `nn.GRU` or `nn.LSTM` called `prefix`, under our names, and their sizes."""
    refuse_unknown_forms(tensors, prefix)
    ours, sizes = {}, []
    for i in range(tensors.count(rf"{prefix.replace('.', chr(92) + '.')}weight_hh_l(\d+)$")):
        hidden = tensors.take(f"{prefix}weight_hh_l{i}", None, None)
        size = hidden.shape[1]
        if len(hidden) != gates * size:
            raise ImportFailure(
                f"tensor {prefix}weight_hh_l{i} has shape {list(hidden.shape)}, expected [{gates}·H, H]: another cell?"
            )
        raw[f"{prefix}weight_hh_l{i}"] = ours[f"layers.{i}.weight_hh"] = hidden
        theirs = tensors.take(f"{prefix}weight_ih_l{i}", gates * size, inputs)
        raw[f"{prefix}weight_ih_l{i}"] = ours[f"layers.{i}.weight_ih"] = theirs
        for part in ("bias_ih", "bias_hh") if bias else ():
            raw[f"{prefix}{part}_l{i}"] = ours[f"layers.{i}.{part}"] = tensors.take(f"{prefix}{part}_l{i}", gates * size)
        sizes.append(size)
        inputs = size
    return ours, sizes


def refuse_unknown_forms(tensors: Tensors, prefix: str) -> None:
    """Refuses what a step by step model can't be: both directions, and projected states."""
    for name in tensors.names():
        if name.startswith(prefix) and name.endswith("_reverse"):
            raise ImportFailure(
                f"{name} belongs to a bidirectional network: its state depends on clicks that come later, so it can't be "
                "served click by click"
            )
        if name.startswith(f"{prefix}weight_hr_"):
            raise ImportFailure(f"{name}: an LSTM with proj_size is not something that a model directory can express")
