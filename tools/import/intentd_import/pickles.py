"""Pickles without what they would run: every global that is no plain container of numbers becomes a stub.

`torch.load` refuses checkpoints that pickle whole objects, as unpickling can call any function. Here the
few functions that rebuild tensors and arrays are let through; all others, and all classes, are replaced
by a stub that only remembers what it was given. Nothing of the project that wrote the file is needed.
"""

from __future__ import annotations

import codecs
import collections
import pickle
from typing import Any

import numpy as np
import torch

from .failures import ImportFailure


class Stub:
    """An object whose class is not loaded: what it was made from, and the state that it was given."""

    origin = ""

    def __new__(cls, *arguments: Any, **named: Any) -> "Stub":
        made = object.__new__(cls)
        made.arguments, made.named, made.state, made.entries = arguments, named, None, []
        return made

    def __init__(self, *arguments: Any, **named: Any) -> None:
        pass

    def __call__(self, *arguments: Any, **named: Any) -> "Stub":
        return type(self)(*arguments, **named)

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.entries.append((key, value))

    def append(self, value: Any) -> None:
        self.entries.append(value)

    def extend(self, values: Any) -> None:
        self.entries.extend(values)

    def attribute(self, name: str) -> Any:
        """The attribute `name` of the pickled object; None where it has none."""
        parts = self.state if isinstance(self.state, tuple) else (self.state,)
        return next((part[name] for part in parts if isinstance(part, dict) and name in part), None)


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise ImportFailure(f"the pickle asks for the encoding {encoding!r}, which arrays don't need")
    return codecs.encode(text, encoding)


def _array_globals() -> dict[tuple[str, str], Any]:
    core = getattr(np, "_core", None) or np.core
    found: dict[tuple[str, str], Any] = {("_codecs", "encode"): _encode}
    for package in ("numpy.core", "numpy._core"):
        found[package + ".multiarray", "_reconstruct"] = core.multiarray._reconstruct
        found[package + ".multiarray", "scalar"] = core.multiarray.scalar
        found[package + ".numeric", "_frombuffer"] = core.numeric._frombuffer
    return found | {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype}


def _tensor_globals() -> dict[tuple[str, str], Any]:
    names = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")
    found: dict[tuple[str, str], Any] = {("torch._utils", name): getattr(torch._utils, name) for name in names}
    found["collections", "OrderedDict"] = collections.OrderedDict
    found["torch", "Size"], found["torch", "device"] = torch.Size, torch.device
    for name, value in vars(torch).items():
        if isinstance(value, torch.dtype) or (isinstance(value, type) and name.endswith("Storage")):
            found["torch", name] = value
    found["torch.storage", "UntypedStorage"] = torch.UntypedStorage
    found["torch.storage", "TypedStorage"] = torch.storage.TypedStorage
    return found


SAFE = _array_globals() | _tensor_globals()
"""What is let through: it makes arrays and tensors of numbers, and nothing else."""
for _module in ("builtins", "__builtin__"):
    for _kind in (set, frozenset, slice, complex, bytearray, list, dict, tuple, int, float, str, bool, range):
        SAFE[_module, _kind.__name__] = _kind


class Unpickler(pickle.Unpickler):
    """Loads no code: what is not in `SAFE` becomes a stub."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in SAFE:
            return SAFE[module, name]
        return type(name.rpartition(".")[2] or "Stub", (Stub,), {"origin": f"{module}.{name}"})


class StubPickle:
    """What `torch.load` wants as its `pickle_module`."""

    Unpickler = Unpickler
    UnpicklingError = pickle.UnpicklingError

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        return Unpickler(file, **options).load()


def module_state(module: Stub, prefix: str = "") -> dict[str, torch.Tensor]:
    """The `state_dict` of a pickled `nn.Module` that is a stub."""
    found: dict[str, torch.Tensor] = {}
    for kind in ("_parameters", "_buffers"):
        for name, value in (module.attribute(kind) or {}).items():
            if isinstance(value, torch.Tensor):
                found[prefix + name] = value
    for name, child in (module.attribute("_modules") or {}).items():
        if isinstance(child, Stub):
            found |= module_state(child, f"{prefix}{name}.")
    return found


def _arrays(value: Any, depth: int = 0) -> list[np.ndarray]:
    """The one-dimensional arrays somewhere inside `value`."""
    if isinstance(value, np.ndarray):
        return [value.reshape(-1)] if value.size == max(value.shape, default=0) else []
    if depth > 12:
        return []
    inside: list[Any] = []
    if isinstance(value, Stub):
        inside = [*value.arguments, *value.named.values(), value.state, *value.entries]
    elif isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, (list, tuple)):
        inside = list(value)
    return [array for each in inside for array in _arrays(each, depth + 1)]


def _stubs(value: Any, origin: str, depth: int = 0) -> list[Stub]:
    """The stubs somewhere inside `value` whose class or function ends with `origin`."""
    if depth > 12:
        return []
    inside: list[Any] = []
    found: list[Stub] = []
    if isinstance(value, Stub):
        if value.origin.endswith(origin):
            return [value]
        inside = [*value.arguments, *value.named.values(), value.state, *value.entries]
    elif isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, (list, tuple)):
        inside = list(value)
    for each in inside:
        found += _stubs(each, origin, depth + 1)
    return found


def series_index(series: Any) -> list[str] | None:
    """The index of a pickled `pandas.Series` whose values are 0, 1, 2, …; None where its form is not known.

    An index is pickled as a call of `_new_Index` with its array; pandas has kept to that since 0.15.
    """
    indices = _stubs(series, "_new_Index")
    if not indices:
        return None
    candidates = [array for array in _arrays(indices[0].arguments) if array.dtype.kind in "OUSiu"]
    if len(candidates) != 1:
        return None
    ids = candidates[0].tolist()
    values = [a for a in _arrays(series) if a.dtype.kind in "iu" and a is not candidates[0] and len(a) == len(ids)]
    if not any(np.array_equal(a, np.arange(len(ids))) for a in values):
        return None
    if not all(isinstance(each, (str, int)) for each in ids):
        return None
    return [str(each) for each in ids]
