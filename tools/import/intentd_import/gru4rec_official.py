"""The official GRU4Rec in PyTorch: a pickle of the whole object, or the `state_dict` of its model.

GRU4Rec: Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016;
Hidasi & Karatzoglou, "Recurrent Neural Networks with Top-k Gains …", CIKM 2018.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .checkpoint import Checkpoint
from .failures import ImportFailure
from .foreign import Foreign, Options, double
from .pickles import Stub, module_state, series_index
from .recurrent import gru_rows, served_length
from .tensors import Tensors


UNKNOWN_MAP = (
    "the pickled map of item ids has a form that is not known here; write the ids where the model was trained, "
    "open('items.txt', 'w').writelines(f'{id}\\n' for id in gru.data_iterator.itemidmap.index), and pass --items items.txt"
)


def weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The tensors of the pickled object's model."""
    if not isinstance(checkpoint.content, Stub):
        return checkpoint.state()
    model = checkpoint.content.attribute("model")
    if not isinstance(model, Stub):
        raise ImportFailure(f"{checkpoint.path} holds a {checkpoint.content.origin} object without a model: no GRU4Rec")
    return module_state(model)


def vocabulary(checkpoint: Checkpoint) -> dict[str, Any]:
    """The pickled object's item ids, `data_iterator.itemidmap`, in the order of rows."""
    if not isinstance(checkpoint.content, Stub):
        return {}
    iterator = checkpoint.content.attribute("data_iterator")
    series = iterator.attribute("itemidmap") if isinstance(iterator, Stub) else None
    return {"items": series_index(series)} if series is not None else {}


def _first_layer(state: dict[str, Tensor], rows: list[int]) -> Tensor:
    """The layer with one-hot input: rows of `Wx0` in the order n, r, z, and matrices that are multiplied from the right."""
    table, bias = state["GE.Wx0.weight"], state["GE.Bh0"]
    hidden, states = torch.zeros(1, len(bias) // 3, dtype=table.dtype), []
    for row in rows:
        for_new, for_reset, for_update = (table[row : row + 1] + bias).chunk(3, dim=1)
        if "GE.Wrz0" in state:
            reset_h, update_h = (hidden @ state["GE.Wrz0"]).chunk(2, dim=1)
            reset, update = torch.sigmoid(for_reset + reset_h), torch.sigmoid(for_update + update_h)
            new = torch.tanh((reset * hidden) @ state["GE.Wh0"] + for_new)
        else:
            new_h, reset_h, update_h = (hidden @ state["GE.Wh0"]).chunk(3, dim=1)
            reset, update = torch.sigmoid(for_reset + reset_h), torch.sigmoid(for_update + update_h)
            new = torch.tanh(reset * new_h + for_new)
        hidden = (1 - update) * hidden + update * new
        states.append(hidden[0])
    return torch.stack(states)


def _scores(state: dict[str, Tensor], rows: list[int]) -> Tensor:
    """The source's forward pass: the whole session from zero state, no softmax."""
    if "GE.Wx0.weight" in state:
        x = _first_layer(state, rows)
    else:
        x = state["E.weight" if "E.weight" in state else "Wy.weight"][rows]
    for i in range(sum(name.startswith("G.") and name.endswith("weight_hh") for name in state)):
        x = gru_rows(x, *(state[f"G.{i}.{part}"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")))
    return state["Wy.weight"] @ x[-1] + state["By.weight"][:, 0]


def _one_hot_layer(tensors: Tensors, raw: dict[str, Tensor], count: int) -> tuple[dict[str, Tensor], dict, int]:
    """The layer with one-hot input under our names, what `config.json` says of it, and its size."""
    table = raw["GE.Wx0.weight"] = tensors.take("GE.Wx0.weight", count, None)
    if table.shape[1] % 3:
        raise ImportFailure(f"tensor GE.Wx0.weight has shape {list(table.shape)}, expected [{count}, 3·H]")
    size = table.shape[1] // 3
    bias = raw["GE.Bh0"] = tensors.take("GE.Bh0", 3 * size)
    new, reset, update = table.chunk(3, dim=1)
    bias_new, bias_reset, bias_update = bias.chunk(3)
    if tensors.has("GE.Wrz0"):
        pair = raw["GE.Wrz0"] = tensors.take("GE.Wrz0", size, 2 * size)
        last = raw["GE.Wh0"] = tensors.take("GE.Wh0", size, size)
        ours = {
            "input.weight": torch.cat([reset, update, new], dim=1),
            "layers.0.weight_hh": torch.cat([pair, last], dim=1).T.contiguous(),
            "layers.0.bias_ih": torch.cat([bias_reset, bias_update, bias_new]),
        }
        return ours, {"gates": "gru4rec"}, size
    # The first version: PyTorch's cell with the update gate the other way round, and 1 − σ(x) = σ(−x).
    whole = raw["GE.Wh0"] = tensors.take("GE.Wh0", size, 3 * size)
    whole_new, whole_reset, whole_update = whole.chunk(3, dim=1)
    ours = {
        "input.weight": torch.cat([reset, -update, new], dim=1),
        "layers.0.weight_hh": torch.cat([whole_reset, -whole_update, whole_new], dim=1).T.contiguous(),
        "layers.0.bias_ih": torch.cat([bias_reset, -bias_update, bias_new]),
        "layers.0.bias_hh": torch.zeros(3 * size),
    }
    return ours, {}, size


def read_gru4rec_official(tensors: Tensors, options: Options, extra: dict) -> Foreign:
    """hidasib/GRU4Rec_PyTorch_Official with constrained, separate or no embedding."""
    raw = {"Wy.weight": tensors.take("Wy.weight", None, None)}
    count, last = raw["Wy.weight"].shape
    raw["By.weight"] = tensors.take("By.weight", count, 1)
    ours: dict[str, Tensor] = {"output.bias": raw["By.weight"][:, 0].contiguous()}
    config: dict[str, Any] = {"architecture": "gru", "item_bias": True, "padding": "none", "output": "untied"}
    sizes: list[int] = []
    if tensors.has("GE.Wx0.weight"):
        layer, gates, inputs = _one_hot_layer(tensors, raw, count)
        ours |= layer
        config |= {"input": "one-hot", **gates}
        sizes.append(inputs)
    elif tensors.has("E.weight"):
        raw["E.weight"] = ours["item_embedding.weight"] = tensors.take("E.weight", count, None)
        inputs = raw["E.weight"].shape[1]
        config |= {"input": "embedding", "embedding_size": inputs}
    else:
        ours["item_embedding.weight"], inputs = raw["Wy.weight"], last
        config |= {"input": "embedding", "embedding_size": inputs, "output": "tied"}
    if config["output"] == "untied":
        ours["output.weight"] = raw["Wy.weight"]
    cells = tensors.count(r"G\.(\d+)\.") if not sizes or any(n.startswith("G.") for n in tensors.names()) else 0
    for i in range(cells):
        hidden = tensors.take(f"G.{i}.weight_hh", None, None)
        size, layer = hidden.shape[1], len(sizes)
        if len(hidden) != 3 * size:
            raise ImportFailure(f"tensor G.{i}.weight_hh has shape {list(hidden.shape)}, expected [3·H, H]")
        raw[f"G.{i}.weight_hh"] = ours[f"layers.{layer}.weight_hh"] = hidden
        for part, shape in (("weight_ih", (3 * size, inputs)), ("bias_ih", (3 * size,)), ("bias_hh", (3 * size,))):
            raw[f"G.{i}.{part}"] = ours[f"layers.{layer}.{part}"] = tensors.take(f"G.{i}.{part}", *shape)
        sizes.append(size)
        inputs = size
    tensors.finish()
    if sizes[-1] != last:
        raise ImportFailure(f"the last layer has {sizes[-1]} units, Wy.weight {last} columns; they must be the same")
    notes = ["no padding: the source begins each session from zero state"]
    config |= {"layer_sizes": sizes, "max_length": served_length(options, notes)}
    state = double(raw)
    return Foreign(
        config, ours, list(range(count)), lambda rows: _scores(state, rows), items=extra.get("items"),
        lost_items=UNKNOWN_MAP if extra.get("items", ()) is None else None,
        source_window="whole session", notes=notes,
    )
