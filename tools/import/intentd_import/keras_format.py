"""LSTMs of Keras, without TensorFlow: `get_weights()` in an .npz, or with h5py a .keras, .h5 or .weights.h5.

What is read: one Embedding, one to four LSTM layers, one Dense layer over the items. Gates i, f, c, o.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import torch
from torch import Tensor

from .checkpoint import Checkpoint
from .failures import ImportFailure, UsageFailure
from .foreign import Foreign, Options, double
from .tensors import Tensors
from .torch_formats import WHY_OFFSET, item_numbers, lstm_length, lstm_padding

Layer = list[np.ndarray]


def read_keras_checkpoint(path: Path, trust: bool) -> Checkpoint:
    """The arrays of a Keras model under names of our own, and its configuration where the file has one."""
    if not path.is_file():
        raise ImportFailure(f"{path} is no file")
    if path.suffix == ".npz":
        return Checkpoint(path, _named(_layers_of_list(_npz(path))))
    if path.suffix not in (".keras", ".h5", ".hdf5"):
        raise ImportFailure(
            f"{path}: Keras models are read from .npz (np.savez('weights.npz', *model.get_weights())), .keras, .h5 and .weights.h5"
        )
    layers, configuration = _hdf5(path)
    return Checkpoint(path, _named(layers), {"layers": list(_configured(configuration))})


def _npz(path: Path) -> Layer:
    try:
        with np.load(path, allow_pickle=False) as file:
            names = sorted(file.files, key=_natural)
            return [file[name] for name in names]
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ImportFailure(f"{path} is no .npz file of plain arrays: {error}") from error


def _natural(name: str) -> list:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def _is_lstm(arrays: Layer) -> bool:
    """Whether `arrays` are kernel, recurrent kernel and perhaps bias of an LSTM."""
    if len(arrays) not in (2, 3) or arrays[0].ndim != 2 or arrays[1].ndim != 2:
        return False
    units = arrays[1].shape[0]
    return arrays[0].shape[1] == arrays[1].shape[1] == 4 * units


def _layers_of_list(arrays: Layer) -> list[Layer]:
    """The list of `get_weights()`, in the order of the layers, cut into layers."""
    layers, rest = [arrays[:1]], arrays[1:]
    while rest and _is_lstm(rest[:2]):
        size = 3 if len(rest) > 2 and rest[2].shape == (rest[0].shape[1],) else 2
        layers.append(rest[:size])
        rest = rest[size:]
    return layers + ([rest] if rest else [])


def _hdf5(path: Path) -> tuple[list[Layer], Any]:
    try:
        import h5py
    except ImportError as error:
        raise ImportFailure(
            f"{path}: reading it needs h5py (pip install h5py). Without: np.savez('weights.npz', *model.get_weights())"
        ) from error
    try:
        configuration, source = None, path
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                configuration = json.loads(archive.read("config.json"))
                source = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(source, "r") as file:
            if configuration is None and "model_config" in file.attrs:
                configuration = json.loads(file.attrs["model_config"])
            arrays: dict[str, np.ndarray] = {}
            file.visititems(lambda name, node: arrays.update({name: node[()]}) if isinstance(node, h5py.Dataset) else None)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ImportFailure(f"{path} is no model of Keras: {error}") from error
    return _layers_of_groups(arrays), configuration


ORDER = {"embeddings": 0, "kernel": 0, "recurrent_kernel": 1, "bias": 2}


def _layers_of_groups(arrays: dict[str, np.ndarray]) -> list[Layer]:
    """Datasets by layer: `layers/lstm/cell/vars/0` (Keras 3), or `lstm/…/kernel:0` (before)."""
    groups: dict[str, list[tuple[int, np.ndarray]]] = {}
    for name, array in arrays.items():
        parts = [part for part in name.split("/") if part != "model_weights"]
        if any("optimizer" in part or "seed_generator" in part for part in parts):
            continue
        if "vars" in parts:
            layer = "/".join(part for part in parts[: parts.index("vars")] if part != "cell")
            order = int(parts[-1])
        else:
            layer, last = parts[0], parts[-1].split(":")[0]
            if last not in ORDER:
                raise ImportFailure(f"{name} is no weight of an Embedding, LSTM or Dense layer")
            order = ORDER[last]
        groups.setdefault(layer, []).append((order, array))
    layers = [[a for _, a in sorted(groups[n], key=lambda pair: pair[0])] for n in sorted(groups, key=_natural)]
    embeddings = [layer for layer in layers if len(layer) == 1]
    recurrent = [layer for layer in layers if _is_lstm(layer)]
    others = [layer for layer in layers if len(layer) > 1 and not _is_lstm(layer)]
    if len(embeddings) != 1:
        raise ImportFailure(f"the model has {len(embeddings)} layers that can be the Embedding, expected one: {sorted(groups)}")
    return embeddings + recurrent + others


def _named(layers: list[Layer]) -> dict[str, Tensor]:
    """The arrays as tensors called `embedding`, `lstm.0.kernel`, …, `dense.kernel`, `dense.bias`."""
    names = [["embedding"]]
    names += [[f"lstm.{i}.{part}" for part in ("kernel", "recurrent", "bias")] for i in range(sum(map(_is_lstm, layers)))]
    names += [["dense.kernel", "dense.bias"]]
    if len(names) < 3 or len(layers) != len(names) or len(layers[-1]) > 2:
        shapes = [[list(array.shape) for array in layer] for layer in layers]
        raise ImportFailure(
            "the weights are not those of one Embedding, LSTM layers and one Dense layer over the items, in this order: "
            f"{shapes}"
        )
    return {
        name: torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
        for group, layer in zip(names, layers)
        for name, array in zip(group, layer)
    }


def _configured(node: Any) -> Iterator[tuple[str, dict]]:
    """Class and configuration of every layer somewhere in the model's configuration."""
    if isinstance(node, dict):
        if isinstance(node.get("class_name"), str) and isinstance(node.get("config"), dict):
            yield node["class_name"], node["config"]
        for value in node.values():
            yield from _configured(value)
    elif isinstance(node, list):
        for value in node:
            yield from _configured(value)


def _check_configuration(layers: list[tuple[str, dict]], padding: str) -> None:
    """Refuses layers that compute something else than is assumed."""
    wanted = {"activation": "tanh", "recurrent_activation": "sigmoid", "go_backwards": False, "return_state": False}
    for kind, config in layers:
        if kind == "Bidirectional":
            raise ImportFailure("a Bidirectional layer depends on clicks that come later, so it can't be served click by click")
        if kind == "LSTM":
            for key, value in wanted.items():
                if config.get(key, value) != value:
                    raise ImportFailure(f"LSTM layer {config.get('name')}: {key} is {config[key]!r}, expected {value!r}")
        if kind == "Embedding":
            masked = bool(config.get("mask_zero"))
            if masked and padding == "left-attended" or not masked and padding == "left-masked":
                raise UsageFailure(f"--padding {padding}, but the Embedding's mask_zero is {masked}")


def _scores(state: dict, rows: list[int], numbers: list[int], shape: dict) -> Tensor:
    """Keras' forward pass: a masked step leaves the state as it is."""
    items = [numbers[row] for row in rows]
    empty = [0] * (shape["length"] - len(rows))
    steps = {"right": items + empty, "none": items}.get(shape["padding"], empty + items)
    seen = [True] * len(steps)
    if shape["padding"] == "left-masked":
        seen = [slot >= len(empty) for slot in range(len(steps))]
    if shape["padding"] == "right":
        seen = [slot < len(items) for slot in range(len(steps))]
    x = state["embedding"][steps]
    for i in range(shape["layers"]):
        kernel, recurrent = state[f"lstm.{i}.kernel"], state[f"lstm.{i}.recurrent"]
        bias = state.get(f"lstm.{i}.bias", torch.zeros(kernel.shape[1], dtype=kernel.dtype))
        h = torch.zeros(len(recurrent), dtype=kernel.dtype)
        c, outputs = h, []
        for row, is_seen in zip(x, seen):
            if is_seen:
                into, forget, new, out = (row @ kernel + h @ recurrent + bias).split(len(h))
                c = torch.sigmoid(forget) * c + torch.sigmoid(into) * torch.tanh(new)
                h = torch.sigmoid(out) * torch.tanh(c)
            outputs.append(h)
        x = torch.stack(outputs)
    scores = x[-1] @ state["dense.kernel"]
    if "dense.bias" in state:
        scores = scores + state["dense.bias"]
    return scores[[number - shape["offset"] for number in numbers]]


def read_keras_lstm(tensors: Tensors, options: Options, extra: dict) -> Foreign:
    """Embedding, LSTM layers, Dense, from the tensors that ``read_keras_checkpoint`` named."""
    padding, first = lstm_padding(options)
    _check_configuration(extra.get("layers", []), padding)
    raw = {"embedding": tensors.take("embedding", None, None)}
    size, sizes = raw["embedding"].shape[1], []
    bias, ours, inputs = tensors.has("lstm.0.bias"), {}, size
    for i in range(tensors.count(r"lstm\.(\d+)\.")):
        recurrent = raw[f"lstm.{i}.recurrent"] = tensors.take(f"lstm.{i}.recurrent", None, None)
        units = len(recurrent)
        kernel = raw[f"lstm.{i}.kernel"] = tensors.take(f"lstm.{i}.kernel", inputs, 4 * units)
        ours[f"layers.{i}.weight_ih"], ours[f"layers.{i}.weight_hh"] = kernel.T.contiguous(), recurrent.T.contiguous()
        if bias:
            raw[f"lstm.{i}.bias"] = ours[f"layers.{i}.bias_ih"] = tensors.take(f"lstm.{i}.bias", 4 * units)
            ours[f"layers.{i}.bias_hh"] = torch.zeros(4 * units)
        sizes.append(units)
        inputs = units
    raw["dense.kernel"] = tensors.take("dense.kernel", sizes[-1], None)
    offset = options.need("output_offset", WHY_OFFSET)
    numbers, notes = item_numbers(len(raw["embedding"]), raw["dense.kernel"].shape[1], first, offset)
    columns = [number - offset for number in numbers]
    ours["item_embedding.weight"] = raw["embedding"][numbers]
    ours["output.weight"] = raw["dense.kernel"].T[columns].contiguous()
    output: dict[str, Any] = {"output": "untied"}
    if tensors.has("dense.bias"):
        raw["dense.bias"] = tensors.take("dense.bias", raw["dense.kernel"].shape[1])
        output["item_bias"], ours["output.bias"] = True, raw["dense.bias"][columns]
    tensors.finish()
    if padding == "left-attended":
        ours["padding_embedding"] = raw["embedding"][0]
    if not extra.get("layers"):
        notes.append("assumed: tanh and sigmoid in the LSTM, Keras' defaults since 2.3: the file has no configuration")
    config = {
        "architecture": "lstm", "max_length": lstm_length(options, padding, notes), **output,
        "padding": "recurrent-prefix" if padding == "left-attended" else "none",
        "layer_sizes": sizes, "input": "embedding", "embedding_size": size, "bias": bias,
    }
    shape = {"padding": padding, "length": config["max_length"], "offset": offset, "layers": len(sizes)}
    state = double(raw)
    return Foreign(
        config, ours, numbers, lambda rows: _scores(state, rows, numbers, shape),
        source_window="newest" if options.get("max_length") else "whole session", notes=[f"padding {padding}", *notes],
    )
