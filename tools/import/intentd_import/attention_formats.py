"""SASRec and its kin: checkpoints of pmixer/SASRec.pytorch and gSASRec.

Each reader takes the tensors under the names of the source, and brings two things: the model directory,
and the source's own forward pass with the source's own padding, which the model directory is checked against.
SASRec: Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018.
gSASRec: Petrov & Macdonald, "gSASRec: Reducing Overconfidence …", RecSys 2023.
"""

from __future__ import annotations

import math
import re

import torch
from torch import Tensor
from torch.nn import functional as F

from .failures import ImportFailure, UsageFailure
from .foreign import Foreign, Options, attend, double, future
from .tensors import Tensors

WHY_HEADS = "the number of attention heads leaves no trace in the weights, and another number gives other scores"


def check_heads(heads: int, size: int) -> int:
    """`heads`, which must divide the hidden size."""
    if size % heads:
        raise UsageFailure(f"--heads {heads} does not divide the hidden size {size} of this checkpoint")
    return heads


def norm(x: Tensor, state: dict[str, Tensor], name: str, epsilon: float) -> Tensor:
    """The LayerNorm that the source calls `name`."""
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], epsilon)


def linear(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    """The linear map that the source calls `name`."""
    return F.linear(x, state[f"{name}.weight"], state.get(f"{name}.bias"))


def split_attention(ours: str, weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """PyTorch's joint projection [3d, d] as query, key and value."""
    found = {}
    for part, rows, values in zip(("query", "key", "value"), weight.chunk(3), bias.chunk(3)):
        found[f"{ours}.attention.{part}.weight"] = rows.contiguous()
        found[f"{ours}.attention.{part}.bias"] = values.contiguous()
    return found


def take_pairs(tensors: Tensors, raw: dict[str, Tensor], names: dict[str, str], shapes: dict[str, tuple]) -> dict:
    """Weights and biases of `names` (theirs → ours) with the weights' `shapes`, kept in `raw` as they are called there."""
    found = {}
    for theirs, ours in names.items():
        shape = shapes[theirs]
        raw[f"{theirs}.weight"] = found[f"{ours}.weight"] = tensors.take(f"{theirs}.weight", *shape)
        raw[f"{theirs}.bias"] = found[f"{ours}.bias"] = tensors.take(f"{theirs}.bias", shape[0])
    return found


# pmixer/SASRec.pytorch


def _pmixer_hints(options: Options) -> dict[str, str]:
    """What the file's name (`…layer=2.head=1.hidden=50.maxlen=200.pth`) and the `args.txt` beside it say."""
    hints = {}
    arguments = options.source.parent / "args.txt"
    if arguments.is_file():
        known = {"num_heads": "heads", "maxlen": "max_length", "norm_first": "norm_first"}
        for line in arguments.read_text(errors="replace").splitlines()[:200]:
            key, _, value = line.partition(",")
            if key.strip() in known:
                hints[known[key.strip()]] = value.strip()
    for key, name in (("head", "heads"), ("maxlen", "max_length")):
        if match := re.search(rf"(?:^|\.){key}=(\d+)(?:\.|$)", options.source.name):
            hints[name] = match[1]
    return hints


def _pmixer_scores(state: dict, rows: list[int], length: int, heads: int, variant: str, norm_first: bool) -> Tensor:
    """The source's forward pass over `length` slots, padding first, as the three variants have it."""
    size = state["item_emb.weight"].shape[1]
    items = torch.tensor([0] * (length - len(rows)) + [row + 1 for row in rows])
    present = (items != 0).unsqueeze(1)
    slots = torch.arange(length) if variant == "A" else torch.arange(1, length + 1) * (items != 0)
    x = state["item_emb.weight"][items] * size**0.5 + state["pos_emb.weight"][slots]
    if variant == "A":
        x = x * present
    blocks = sum(name.endswith("in_proj_weight") for name in state)
    for i in range(blocks):
        weights = state[f"attention_layers.{i}.in_proj_weight"].chunk(3)
        biases = state[f"attention_layers.{i}.in_proj_bias"].chunk(3)

        def attention(query: Tensor, memory: Tensor) -> Tensor:
            parts = [F.linear(y, w, b) for y, w, b in zip((query, memory, memory), weights, biases)]
            return linear(attend(*parts, heads, future(length)), state, f"attention_layers.{i}.out_proj")

        def inner(y: Tensor) -> Tensor:
            first, second = (f"forward_layers.{i}.conv{number}" for number in (1, 2))
            channels = F.conv1d(y.T.unsqueeze(0), state[f"{first}.weight"], state[f"{first}.bias"])
            return F.conv1d(torch.relu(channels), state[f"{second}.weight"], state[f"{second}.bias"])[0].T

        before, after = f"attention_layernorms.{i}", f"forward_layernorms.{i}"
        if variant in ("A", "B"):
            query = norm(x, state, before, 1e-8)
            y = norm(query + attention(query, x), state, after, 1e-8)
            x = y + inner(y)
            x = x * present if variant == "A" else x
        elif norm_first:
            y = norm(x, state, before, 1e-8)
            x = x + attention(y, y)
            x = x + inner(norm(x, state, after, 1e-8))
        else:
            x = norm(x + attention(x, x), state, before, 1e-8)
            x = norm(x + inner(x), state, after, 1e-8)
    return state["item_emb.weight"][1:] @ norm(x, state, "last_layernorm", 1e-8)[-1]


def _pmixer_answers(options: Options, positions: int, size: int) -> tuple[str, bool, int, int]:
    """Variant, norm_first, heads and maximum length, checked against each other and against the hints."""
    why = (
        "three versions of the code share these names. A (to June 2024): pos_emb has maxlen rows and padding is "
        "zeroed. B (June 2024 to May 2025): maxlen + 1 rows, queries are normalised, keys are not. C (since): "
        "LayerNorm after each part, or before it with --norm-first. B and C can't be told apart by the file"
    )
    variant = options.need("variant", why)
    norm_first = bool(options.get("norm_first", False))
    if norm_first and variant != "C":
        raise UsageFailure("--norm-first belongs to --variant C; A and B have no such option")
    hints = _pmixer_hints(options)
    if variant == "C" and hints.get("norm_first") not in (None, str(norm_first)):
        raise UsageFailure(
            f"args.txt says norm_first,{hints['norm_first']}, which is {'without' if norm_first else 'with'} --norm-first"
        )
    heads = options.get("heads") or (int(hints["heads"]) if hints.get("heads", "").isdigit() else None)
    if heads is None:
        options.need("heads", WHY_HEADS + "; the name of the file (head=…) and args.txt (num_heads) don't say it")
    if hints.get("heads", str(heads)) != str(heads):
        raise UsageFailure(f"--heads {heads}, but the file's name or args.txt says {hints['heads']}")
    length = positions if variant == "A" else positions - 1
    if hints.get("max_length", str(length)) != str(length):
        raise ImportFailure(
            f"pos_emb.weight has {positions} rows, so variant {variant} has maxlen {length}; the file's name or args.txt "
            f"says {hints['max_length']}: is it another variant? (A has as many rows as maxlen, B and C have one more)"
        )
    return variant, norm_first, check_heads(heads, size), length


def read_pmixer(tensors: Tensors, options: Options, extra: dict) -> Foreign:
    """A `state_dict` of pmixer/SASRec.pytorch, in one of its three variants."""
    raw = {"item_emb.weight": tensors.take("item_emb.weight", None, None)}
    count, size = raw["item_emb.weight"].shape[0] - 1, raw["item_emb.weight"].shape[1]
    raw["pos_emb.weight"] = tensors.take("pos_emb.weight", None, size)
    variant, norm_first, heads, length = _pmixer_answers(options, len(raw["pos_emb.weight"]), size)
    blocks = tensors.count(r"attention_layers\.(\d+)\.")
    items, positions = raw["item_emb.weight"], raw["pos_emb.weight"]
    ours = {
        "item_embedding.weight": items[1:].contiguous(),
        "position_embedding.weight": (positions if variant == "A" else positions[1:]).contiguous(),
    }
    if variant != "A":
        ours["padding_embedding"] = items[0] * math.sqrt(size) + positions[0]
    for i in range(blocks):
        layer, block = f"attention_layers.{i}", f"blocks.{i}"
        raw[f"{layer}.in_proj_weight"] = tensors.take(f"{layer}.in_proj_weight", 3 * size, size)
        raw[f"{layer}.in_proj_bias"] = tensors.take(f"{layer}.in_proj_bias", 3 * size)
        ours |= split_attention(block, raw[f"{layer}.in_proj_weight"], raw[f"{layer}.in_proj_bias"])
        names = {
            f"{layer}.out_proj": f"{block}.attention.output",
            f"attention_layernorms.{i}": f"{block}.attention_norm",
            f"forward_layernorms.{i}": f"{block}.ffn_norm",
            f"forward_layers.{i}.conv1": f"{block}.ffn.in",
            f"forward_layers.{i}.conv2": f"{block}.ffn.out",
        }
        shapes = dict(zip(names, [(size, size), (size,), (size,), (size, size, 1), (size, size, 1)]))
        ours |= take_pairs(tensors, raw, names, shapes)
        for part in ("in", "out"):
            ours[f"{block}.ffn.{part}.weight"] = ours[f"{block}.ffn.{part}.weight"][:, :, 0].contiguous()
    ours |= take_pairs(tensors, raw, {"last_layernorm": "final_norm"}, {"last_layernorm": (size,)})
    tensors.finish()
    config = {
        "architecture": "sasrec",
        "max_length": length,
        "output": "tied",
        "padding": "attended-zeroed" if variant == "A" else "attended",
        "hidden_size": size,
        "blocks": blocks,
        "heads": heads,
        "ffn_size": size,
        "norm": "query" if variant != "C" else "pre" if norm_first else "post",
        "activation": "relu",
        "layer_norm_epsilon": 1e-8,
        "scale_embedding": True,
        "final_norm": True,
        "positions": "end",
    }
    state = double(raw)
    return Foreign(
        config, ours, list(range(1, count + 1)),
        lambda rows: _pmixer_scores(state, rows, length, heads, variant, norm_first),
        notes=[f"variant {variant}{' with norm_first' if norm_first else ''}, {heads} heads, padding on the left"],
    )


# gSASRec


def _gsasrec_scores(state: dict, rows: list[int], length: int, heads: int) -> Tensor:
    """The source's forward pass: padding (item V + 1) on the left, its keys masked, its rows zeroed."""
    table = state["item_embedding.weight"]
    padding = len(table) - 1
    items = torch.tensor([padding] * (length - len(rows)) + [row + 1 for row in rows])
    present = (items != padding).double().unsqueeze(1)
    x = (table[items] + state["position_embedding.weight"]) * present
    # A large number stands for the mask: rows of padding see nothing, and must not become NaN.
    hidden = future(length, -1e30) + (1 - present.T) * -1e30
    blocks = sum(name.endswith("dense1.weight") for name in state)
    for i in range(blocks):
        block = f"transformer_blocks.{i}"
        query = norm(x, state, f"{block}.first_norm", 1e-5)
        attention = f"{block}.multihead_attention"
        parts = [linear(y, state, f"{attention}.{p}_proj") for y, p in ((query, "query"), (x, "key"), (x, "val"))]
        y = norm(query + attend(*parts, heads, hidden), state, f"{block}.second_norm", 1e-5)
        inner = linear(torch.relu(linear(y, state, f"{block}.dense1")), state, f"{block}.dense2")
        x = (y + inner) * present
    return state["output_embedding.weight"][1:padding] @ norm(x, state, "seq_norm", 1e-5)[-1]


def read_gsasrec(tensors: Tensors, options: Options, extra: dict) -> Foreign:
    """A `state_dict` of asash/gSASRec-pytorch."""
    raw = {"item_embedding.weight": tensors.take("item_embedding.weight", None, None)}
    rows, size = raw["item_embedding.weight"].shape
    raw["position_embedding.weight"] = tensors.take("position_embedding.weight", None, size)
    length = len(raw["position_embedding.weight"])
    if not tensors.has("output_embedding.weight"):
        raise ImportFailure(
            "tensor output_embedding.weight is missing: the checkpoint is of the first version of gSASRec-pytorch, "
            "whose FFN has no activation, which a model directory can't express"
        )
    raw["output_embedding.weight"] = tensors.take("output_embedding.weight", rows, size)
    heads = check_heads(options.need("heads", WHY_HEADS + " (num_heads in config_….py)"), size)
    blocks = tensors.count(r"transformer_blocks\.(\d+)\.")
    ours = {
        "item_embedding.weight": raw["item_embedding.weight"][1:-1].contiguous(),
        "position_embedding.weight": raw["position_embedding.weight"],
        "output.weight": raw["output_embedding.weight"][1:-1].contiguous(),
    }
    for i in range(blocks):
        theirs, block = f"transformer_blocks.{i}", f"blocks.{i}"
        attention = f"{theirs}.multihead_attention"
        names = {
            f"{theirs}.first_norm": f"{block}.attention_norm",
            f"{theirs}.second_norm": f"{block}.ffn_norm",
            f"{attention}.query_proj": f"{block}.attention.query",
            f"{attention}.key_proj": f"{block}.attention.key",
            f"{attention}.val_proj": f"{block}.attention.value",
            f"{theirs}.dense1": f"{block}.ffn.in",
            f"{theirs}.dense2": f"{block}.ffn.out",
        }
        shapes = {name: (size,) if name.endswith("norm") else (size, size) for name in names}
        ours |= take_pairs(tensors, raw, names, shapes)
    ours |= take_pairs(tensors, raw, {"seq_norm": "final_norm"}, {"seq_norm": (size,)})
    tensors.finish()
    config = {
        "architecture": "sasrec",
        "max_length": length,
        "output": "untied",
        "padding": "none",
        "hidden_size": size,
        "blocks": blocks,
        "heads": heads,
        "ffn_size": size,
        "norm": "query",
        "activation": "relu",
        "layer_norm_epsilon": 1e-5,
        "attention_output": False,
        "final_norm": True,
        "positions": "end",
    }
    state = double(raw)
    return Foreign(
        config, ours, list(range(1, rows - 1)), lambda window: _gsasrec_scores(state, window, length, heads),
        notes=[f"{heads} heads, padding on the left and masked, rows 0 and {rows - 1} are no items"],
    )
