"""RecBole's SASRec and GRU4Rec. Batches are padded on the right, and the state is read at the last item.

SASRec: Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018; with the encoder of BERT.
GRU4Rec: Tan et al., "Improved Recurrent Neural Networks for Session-based Recommendations", DLRS 2016.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .attention_formats import WHY_HEADS, check_heads, linear, norm, take_pairs
from .checkpoint import Checkpoint
from .failures import ImportFailure, UsageFailure
from .foreign import Foreign, Options, attend, double
from .pickles import Stub
from .recurrent import WHY_LENGTH, bounded_length, gru_rows, take_cells
from .tensors import Tensors


def configuration(checkpoint: Checkpoint) -> dict[str, Any]:
    """The plain values of RecBole's `Config` in a whole checkpoint; nothing where there is none."""
    if not isinstance(checkpoint.content, dict):
        return {}
    config = checkpoint.content.get("config")
    if isinstance(config, Stub):
        config = config.attribute("final_config_dict")
    if not isinstance(config, dict):
        return {}
    return {key: value for key, value in config.items() if isinstance(value, (bool, int, float, str))}


def weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The tensors: RecBole's dictionary has them beside its configuration, the optimizer and counters."""
    if isinstance(checkpoint.content, dict) and isinstance(checkpoint.content.get("state_dict"), dict):
        return Checkpoint(checkpoint.path, checkpoint.content["state_dict"]).state()
    return checkpoint.state()


def _recbole_scores(state: dict, rows: list[int], length: int, heads: int, act: str, epsilon: float) -> Tensor:
    """The source's forward pass: padding on the right, read at the last item."""
    items = torch.tensor([row + 1 for row in rows] + [0] * (length - len(rows)))
    x = norm(state["item_embedding.weight"][items] + state["position_embedding.weight"], state, "LayerNorm", epsilon)
    allowed = torch.tril((items > 0).double().repeat(length, 1))
    hidden = (1 - allowed) * -10000.0
    activation = F.relu if act == "relu" else F.gelu
    blocks = sum(name.endswith("dense_1.weight") for name in state)
    for i in range(blocks):
        attention, inner = (f"trm_encoder.layer.{i}.{part}" for part in ("multi_head_attention", "feed_forward"))
        parts = [linear(x, state, f"{attention}.{part}") for part in ("query", "key", "value")]
        mixed = linear(attend(*parts, heads, hidden), state, f"{attention}.dense")
        x = norm(mixed + x, state, f"{attention}.LayerNorm", epsilon)
        y = linear(activation(linear(x, state, f"{inner}.dense_1")), state, f"{inner}.dense_2")
        x = norm(y + x, state, f"{inner}.LayerNorm", epsilon)
    return state["item_embedding.weight"][1:] @ x[len(rows) - 1]


def _recbole_answers(options: Options, extra: dict, size: int) -> tuple[int, str, float, list[str]]:
    """Heads, activation and epsilon: from the checkpoint's configuration, else from the command line."""
    notes = []
    heads = options.get("heads", extra.get("n_heads"))
    if heads is None:
        options.need("heads", WHY_HEADS + "; RecBole's own default is 2 (n_heads). The whole checkpoint knows it (--trust)")
    activation = options.get("activation", extra.get("hidden_act"))
    if activation is None:
        activation = "gelu"
        notes.append("activation gelu, RecBole's default: the checkpoint has no configuration (--activation)")
    if activation not in ("gelu", "relu"):
        raise ImportFailure(f"hidden_act is {activation}; a model directory has gelu and relu")
    epsilon = options.get("layer_norm_epsilon", extra.get("layer_norm_eps"))
    if epsilon is None:
        epsilon = 1e-12
        notes.append("LayerNorm's epsilon 1e-12, RecBole's default: the checkpoint has no configuration")
    for key, given in (("n_heads", heads), ("hidden_act", activation)):
        if extra.get(key, given) != given:
            raise UsageFailure(f"the checkpoint's configuration says {key}: {extra[key]}, the command line {given}")
    return check_heads(int(heads), size), activation, float(epsilon), notes


def read_recbole_sasrec(tensors: Tensors, options: Options, extra: dict) -> Foreign:
    """RecBole's SASRec; `extra` is its configuration where the checkpoint has it."""
    raw = {"item_embedding.weight": tensors.take("item_embedding.weight", None, None)}
    count, size = raw["item_embedding.weight"].shape[0] - 1, raw["item_embedding.weight"].shape[1]
    raw["position_embedding.weight"] = tensors.take("position_embedding.weight", None, size)
    length = len(raw["position_embedding.weight"])
    heads, activation, epsilon, notes = _recbole_answers(options, extra, size)
    blocks = tensors.count(r"trm_encoder\.layer\.(\d+)\.")
    ours = {
        "item_embedding.weight": raw["item_embedding.weight"][1:].contiguous(),
        "position_embedding.weight": raw["position_embedding.weight"],
    }
    ours |= take_pairs(tensors, raw, {"LayerNorm": "embedding_norm"}, {"LayerNorm": (size,)})
    inner = None
    for i in range(blocks):
        attention, feed, block = (
            f"trm_encoder.layer.{i}.multi_head_attention", f"trm_encoder.layer.{i}.feed_forward", f"blocks.{i}",
        )
        names = {f"{attention}.{part}": f"{block}.attention.{part}" for part in ("query", "key", "value")}
        names |= {f"{attention}.dense": f"{block}.attention.output"}
        shapes = dict.fromkeys(names, (size, size))
        names |= {f"{attention}.LayerNorm": f"{block}.attention_norm", f"{feed}.LayerNorm": f"{block}.ffn_norm"}
        shapes |= {f"{attention}.LayerNorm": (size,), f"{feed}.LayerNorm": (size,)}
        ours |= take_pairs(tensors, raw, names, shapes)
        weight = raw[f"{feed}.dense_1.weight"] = tensors.take(f"{feed}.dense_1.weight", inner, size)
        inner = len(weight)
        raw[f"{feed}.dense_1.bias"] = tensors.take(f"{feed}.dense_1.bias", inner)
        ours |= {f"{block}.ffn.in.weight": weight, f"{block}.ffn.in.bias": raw[f"{feed}.dense_1.bias"]}
        ours |= take_pairs(tensors, raw, {f"{feed}.dense_2": f"{block}.ffn.out"}, {f"{feed}.dense_2": (size, inner)})
    tensors.finish()
    config = {
        "architecture": "sasrec",
        "max_length": length,
        "output": "tied",
        "padding": "none",
        "hidden_size": size,
        "blocks": blocks,
        "heads": heads,
        "ffn_size": inner,
        "norm": "post",
        "activation": activation,
        "layer_norm_epsilon": epsilon,
        "embedding_norm": True,
        "positions": "start",
    }
    state = double(raw)
    return Foreign(
        config, ours, list(range(1, count + 1)),
        lambda rows: _recbole_scores(state, rows, length, heads, activation, epsilon),
        notes=[f"{heads} heads, {activation}, padding on the right", *notes],
    )


def _gru_scores(state: dict, rows: list[int], length: int) -> Tensor:
    """The source's forward pass: the GRU runs over the padding on the right as well, and is read before it."""
    items = torch.tensor([row + 1 for row in rows] + [0] * (length - len(rows)))
    x = state["item_embedding.weight"][items]
    layers = sum(name.startswith("gru_layers.weight_hh_l") for name in state)
    for i in range(layers):
        x = gru_rows(x, state[f"gru_layers.weight_ih_l{i}"], state[f"gru_layers.weight_hh_l{i}"])
    return state["item_embedding.weight"][1:] @ linear(x, state, "dense")[len(rows) - 1]


def read_recbole_gru4rec(tensors: Tensors, options: Options, extra: dict) -> Foreign:
    """RecBole's GRU4Rec; `extra` is its configuration where the checkpoint has it."""
    raw = {"item_embedding.weight": tensors.take("item_embedding.weight", None, None)}
    count, size = raw["item_embedding.weight"].shape[0] - 1, raw["item_embedding.weight"].shape[1]
    known = extra.get("MAX_ITEM_LIST_LENGTH")
    given = options.get("max_length")
    if known is None and given is None:
        options.need("max_length", WHY_LENGTH + "; RecBole's own default is 50 (MAX_ITEM_LIST_LENGTH)")
    if known is not None and given not in (None, known):
        raise UsageFailure(f"the checkpoint's configuration says MAX_ITEM_LIST_LENGTH: {known}, the command line {given}")
    length = bounded_length(known if given is None else given)
    ours = {"item_embedding.weight": raw["item_embedding.weight"][1:].contiguous()}
    cells, sizes = take_cells(tensors, raw, "gru_layers.", 3, size, bias=False)
    ours |= cells
    ours |= take_pairs(tensors, raw, {"dense": "projection"}, {"dense": (size, sizes[-1])})
    tensors.finish()
    config = {
        "architecture": "gru",
        "max_length": length,
        "output": "tied",
        "padding": "none",
        "layer_sizes": sizes,
        "input": "embedding",
        "embedding_size": size,
        "bias": False,
        "projection_size": size,
    }
    state = double(raw)
    return Foreign(
        config, ours, list(range(1, count + 1)), lambda rows: _gru_scores(state, rows, length),
        notes=[f"maximum length {length}, padding on the right"],
    )
