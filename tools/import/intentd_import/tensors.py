"""The tensors of a checkpoint, taken one by one, so that none is overlooked and each has the shape that is expected."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from .failures import ImportFailure

PREFIXES = ("module.", "_orig_mod.")
"""What wrappers of PyTorch (DataParallel, compile) put before every name."""


def without_wrappers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors without the prefixes of wrappers."""
    for prefix in PREFIXES:
        if state and all(name.startswith(prefix) for name in state):
            return without_wrappers({name[len(prefix) :]: value for name, value in state.items()})
    return state


class Tensors:
    """The tensors of one checkpoint, by the names that they have there, as fp32."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self._left: dict[str, Tensor] = {}
        for name, value in without_wrappers(state).items():
            if not value.is_floating_point():
                raise ImportFailure(f"tensor {name} holds {value.dtype} values, and weights are floating-point numbers")
            if not torch.isfinite(value).all():
                raise ImportFailure(f"tensor {name} holds values that are not finite")
            self._left[name] = value.detach().to("cpu", torch.float32).contiguous()

    def names(self) -> list[str]:
        """Names of what was not yet taken."""
        return sorted(self._left)

    def has(self, name: str) -> bool:
        """Whether `name` is there and was not yet taken."""
        return name in self._left

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of `name`, which was not yet taken."""
        return tuple(self._left[name].shape)

    def take(self, name: str, *shape: int | None) -> Tensor:
        """The tensor `name`, which must have `shape`; None stands for a size that is free."""
        if name not in self._left:
            raise ImportFailure(
                f"tensor {name} is missing; the checkpoint still has: {', '.join(self.names()[:12]) or 'nothing else'}"
            )
        value = self._left.pop(name)
        fits = value.dim() == len(shape) and all(e in (None, f) for e, f in zip(shape, value.shape))
        if not fits:
            expected = ", ".join("any" if size is None else str(size) for size in shape)
            raise ImportFailure(f"tensor {name} has shape {list(value.shape)}, expected [{expected}]")
        return value

    def count(self, pattern: str) -> int:
        """How many numbers, from 0 and without a gap, stand in the group of `pattern` in the names."""
        found = {int(match[1]) for name in self._left if (match := re.match(pattern, name))}
        if not found:
            raise ImportFailure(
                f"no tensor is called like {pattern.replace(chr(92), '')}: is this checkpoint of another format? "
                f"It has: {', '.join(self.names()[:12]) or 'nothing'}"
            )
        if found != set(range(len(found))):
            raise ImportFailure(f"tensors like {pattern.replace(chr(92), '')} are numbered {sorted(found)}, with gaps")
        return len(found)

    def finish(self) -> None:
        """Refuses what was not taken: the model may have parts that a model directory knows nothing of."""
        if self._left:
            raise ImportFailure(
                f"the checkpoint has tensors that this format knows nothing of: {', '.join(self.names()[:12])}"
            )
