"""Reads checkpoints: PyTorch's files, safetensors, and the objects inside."""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from .failures import ImportFailure
from .pickles import Stub, StubPickle

WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model")
"""Where training loops keep the weights inside a checkpoint."""


@dataclass
class Checkpoint:
    """A file that was read: its tensors where it is a plain one, and everything where it is not."""

    path: Path
    content: Any
    extra: dict[str, Any] = field(default_factory=dict)

    def state(self) -> dict[str, Tensor]:
        """The tensors by name, from the file itself or from one of the usual wrappers."""
        found = self.content
        for _ in range(2):
            if not isinstance(found, dict):
                break
            inner = next((found[key] for key in WRAPPERS if isinstance(found.get(key), dict)), None)
            if inner is None:
                break
            found = inner
        if not isinstance(found, dict):
            raise ImportFailure(
                f"{self.path} holds {_kind(found)} and no dictionary of tensors; save model.state_dict() instead"
            )
        tensors = {key: value for key, value in found.items() if isinstance(key, str) and isinstance(value, Tensor)}
        others = [str(key) for key in found if key not in tensors]
        if not tensors or others:
            raise ImportFailure(
                f"{self.path} holds no dictionary of tensors; "
                f"entries that are none: {', '.join(others[:8]) or 'it is empty'}. Save model.state_dict() instead"
            )
        return tensors


def _kind(value: Any) -> str:
    return f"a {value.origin} object" if isinstance(value, Stub) else f"a {type(value).__name__}"


def read_checkpoint(path: Path, trust: bool) -> Checkpoint:
    """Reads `path`. A pickle with more than tensors in it is refused, unless it is trusted."""
    if not path.is_file():
        raise ImportFailure(f"{path} is no file")
    if path.suffix == ".safetensors":
        try:
            return Checkpoint(path, load_file(path))
        except (SafetensorError, OSError, ValueError) as error:
            raise ImportFailure(f"{path} is no safetensors file: {error}") from error
    try:
        return Checkpoint(path, torch.load(path, map_location="cpu", weights_only=True))
    except pickle.UnpicklingError as error:
        if not trust:
            raise ImportFailure(_refusal(path, error)) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise ImportFailure(f"{path} is no checkpoint of PyTorch ({type(error).__name__}: {_first_line(error)})") from error
    try:
        return Checkpoint(path, torch.load(path, map_location="cpu", weights_only=False, pickle_module=StubPickle))
    except ImportFailure:
        raise
    except Exception as error:  # A damaged pickle fails in many ways, and each of them means the same.
        raise ImportFailure(f"{path} can't be unpickled: {type(error).__name__}: {_first_line(error)}") from error


def _refusal(path: Path, error: Exception) -> str:
    return (
        f"{path} is refused: it is a pickle that holds more than tensors, and unpickling such a file can run code "
        f"({_cause(error)}).\n"
        "Either save the weights alone where the model was trained (torch.save(model.state_dict(), \"weights.pt\")), or, "
        "if you know where the file comes from, say --trust: classes and functions in it are then replaced by stubs."
    )


def _cause(error: Exception) -> str:
    """The part of PyTorch's message that names the object."""
    for line in str(error).splitlines():
        if "Unsupported" in line or "GLOBAL" in line:
            return line.replace("WeightsUnpickler error:", "").strip()[:200]
    return _first_line(error)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
