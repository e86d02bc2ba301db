"""In-house models of PyTorch's own modules: `nn.TransformerEncoder` and `nn.LSTM` between an embedding and a linear map."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .attention_formats import WHY_HEADS, check_heads, linear, norm, split_attention, take_pairs
from .failures import ImportFailure, UsageFailure
from .foreign import Foreign, Options, attend, double, future
from .recurrent import bounded_length, lstm_rows, served_length, take_cells
from .tensors import Tensors

WHY_OFFSET = (
    "whether column j of the output is item j (0) or item j + 1 (1) leaves no trace in the weights, items being numbered "
    "by their row in the embedding"
)
WHY_TRANSFORMER_PADDING = (
    "right: padding after the items, which have positions 0, 1, …; left-masked: before them, never attended to "
    "(src_key_padding_mask), and the newest item has the last position; left-attended: before them and attended to, "
    "without a position; left-attended-positioned: the same with positions added to padding, too"
)
WHY_LSTM_PADDING = (
    "none: there was none, and row 0 of the embedding is an item; right: after the items, the state being read at the last "
    "item; left-masked: before them and skipped (packed sequences, mask_zero); left-attended: before them and fed to the "
    "network"
)


def item_numbers(embedded: int, columns: int, first: int, offset: int) -> tuple[list[int], list[str]]:
    """The items that have a row of the embedding and a column of the output, and notes of what is left out."""
    last, last_column = embedded - 1, columns - 1 + offset
    counts = f"the embedding has rows for items {first} to {last}, the output columns for items {offset} to {last_column}"
    if last_column > last or offset > first or last - last_column > 1:
        raise ImportFailure(f"{counts}, which doesn't fit: is --output-offset {offset} right?")
    left_out = [f"item {last} has no column in the output and is left out"] if last_column < last else []
    left_out += [f"row {number} of the embedding is padding, and no item" for number in range(first)]
    return list(range(first, last_column + 1)), left_out


# nn.TransformerEncoder


def _transformer_scores(state: dict, rows: list[int], numbers: list[int], shape: dict) -> Tensor:
    """The source's forward pass over `length` slots, with the padding that it was said to have."""
    length, heads, epsilon = shape["length"], shape["heads"], shape["epsilon"]
    items, empty = [numbers[row] for row in rows], [0] * (length - len(rows))
    is_right = shape["padding"] == "right"
    slots = torch.tensor(items + empty if is_right else empty + items)
    last = len(rows) - 1 if is_right else length - 1
    is_padding = torch.tensor(([False] * len(items) + [True] * len(empty)) if is_right else [s < len(empty) for s in range(length)])
    x = state["item_embed.weight"][slots]
    if shape["scale"]:
        x = x * x.shape[1] ** 0.5
    positions = state["pos_embed.weight"]
    if shape["padding"] == "left-attended":
        positions = positions * ~is_padding.unsqueeze(1)
    x = x + positions
    if "norm.weight" in state:
        x = norm(x, state, "norm", epsilon)
    hidden = future(length, -1e30)
    if shape["padding"] == "left-masked":
        hidden = hidden + is_padding.double() * -1e30
    activation = F.relu if shape["activation"] == "relu" else F.gelu
    for i in range(shape["blocks"]):
        layer = f"transformer.layers.{i}"

        def attention(y: Tensor) -> Tensor:
            joint = F.linear(y, state[f"{layer}.self_attn.in_proj_weight"], state[f"{layer}.self_attn.in_proj_bias"])
            return linear(attend(*joint.chunk(3, dim=1), heads, hidden), state, f"{layer}.self_attn.out_proj")

        def inner(y: Tensor) -> Tensor:
            return linear(activation(linear(y, state, f"{layer}.linear1")), state, f"{layer}.linear2")

        if shape["norm_first"]:
            x = x + attention(norm(x, state, f"{layer}.norm1", epsilon))
            x = x + inner(norm(x, state, f"{layer}.norm2", epsilon))
        else:
            x = norm(x + attention(x), state, f"{layer}.norm1", epsilon)
            x = norm(x + inner(x), state, f"{layer}.norm2", epsilon)
    if "transformer.norm.weight" in state:
        x = norm(x, state, "transformer.norm", epsilon)
    if "output_proj.weight" not in state:
        return state["item_embed.weight"][numbers] @ x[last]
    columns = [number - shape["offset"] for number in numbers]
    return linear(x[last], state, "output_proj")[columns]


def _transformer_output(
    tensors: Tensors, raw: dict[str, Tensor], ours: dict[str, Tensor], options: Options, size: int
) -> tuple[list[int], list[str], dict]:
    """Items, notes, and what `config.json` says of the output; `ours` gets its tensors."""
    embedded = len(raw["item_embed.weight"])
    if not tensors.has("output_proj.weight"):
        if options.get("output_offset") is not None:
            raise UsageFailure("--output-offset: the checkpoint has no output_proj, so scores are with the embedding's rows")
        return list(range(1, embedded)), ["no output_proj: scores are with the embedding's rows"], {"output": "tied"}
    raw["output_proj.weight"] = tensors.take("output_proj.weight", None, size)
    offset = options.need("output_offset", WHY_OFFSET)
    numbers, notes = item_numbers(embedded, len(raw["output_proj.weight"]), 1, offset)
    columns = [number - offset for number in numbers]
    ours["output.weight"] = raw["output_proj.weight"][columns]
    if not tensors.has("output_proj.bias"):
        return numbers, notes, {"output": "untied"}
    raw["output_proj.bias"] = tensors.take("output_proj.bias", len(raw["output_proj.weight"]))
    ours["output.bias"] = raw["output_proj.bias"][columns]
    return numbers, notes, {"output": "untied", "item_bias": True}


def _transformer_padding(options: Options) -> str:
    padding = options.need("padding", WHY_TRANSFORMER_PADDING)
    if padding == "left-attended-positioned":
        raise ImportFailure(
            "--padding left-attended-positioned can't be imported: each slot of padding then has keys and values of its own, "
            "and a model directory has one kind of padding. Train with a mask for padding, or with padding on the right"
        )
    if padding == "none":
        raise UsageFailure(
            "--padding none: batches of a transformer have padding; one without is the same as --padding right"
        )
    return padding


def read_torch_transformer(tensors: Tensors, options: Options, extra: dict) -> Foreign:
    """Embedding, learnt positions, `nn.TransformerEncoder` with a causal mask, linear output."""
    raw = {"item_embed.weight": tensors.take("item_embed.weight", None, None)}
    size = raw["item_embed.weight"].shape[1]
    raw["pos_embed.weight"] = tensors.take("pos_embed.weight", None, size)
    padding = _transformer_padding(options)
    heads = check_heads(options.need("heads", WHY_HEADS), size)
    shape = {
        "length": len(raw["pos_embed.weight"]), "heads": heads, "padding": padding,
        "epsilon": options.get("layer_norm_epsilon", 1e-5), "activation": options.get("activation", "relu"),
        "norm_first": bool(options.get("norm_first", False)), "scale": bool(options.get("scale_embedding", False)),
        "offset": options.get("output_offset"), "blocks": tensors.count(r"transformer\.layers\.(\d+)\."),
    }
    ours = {"position_embedding.weight": raw["pos_embed.weight"]}
    numbers, notes, output = _transformer_output(tensors, raw, ours, options, size)
    ours["item_embedding.weight"] = raw["item_embed.weight"][numbers]
    for theirs, name in (("norm", "embedding_norm"), ("transformer.norm", "final_norm")):
        if tensors.has(f"{theirs}.weight"):
            ours |= take_pairs(tensors, raw, {theirs: name}, {theirs: (size,)})
    inner = None
    for i in range(shape["blocks"]):
        layer, block = f"transformer.layers.{i}", f"blocks.{i}"
        joint = raw[f"{layer}.self_attn.in_proj_weight"] = tensors.take(f"{layer}.self_attn.in_proj_weight", 3 * size, size)
        biases = raw[f"{layer}.self_attn.in_proj_bias"] = tensors.take(f"{layer}.self_attn.in_proj_bias", 3 * size)
        ours |= split_attention(block, joint, biases)
        widening = raw[f"{layer}.linear1.weight"] = tensors.take(f"{layer}.linear1.weight", inner, size)
        inner = len(widening)
        raw[f"{layer}.linear1.bias"] = tensors.take(f"{layer}.linear1.bias", inner)
        ours[f"{block}.ffn.in.weight"] = widening
        ours[f"{block}.ffn.in.bias"] = raw[f"{layer}.linear1.bias"]
        names = {
            f"{layer}.self_attn.out_proj": f"{block}.attention.output", f"{layer}.linear2": f"{block}.ffn.out",
            f"{layer}.norm1": f"{block}.attention_norm", f"{layer}.norm2": f"{block}.ffn_norm",
        }
        ours |= take_pairs(tensors, raw, names, dict(zip(names, [(size, size), (size, inner), (size,), (size,)])))
    tensors.finish()
    if padding == "left-attended":
        ours["padding_embedding"] = raw["item_embed.weight"][0] * (size**0.5 if shape["scale"] else 1.0)
    config = {
        "architecture": "sasrec", "max_length": shape["length"], **output,
        "padding": "attended" if padding == "left-attended" else "none",
        "hidden_size": size, "blocks": shape["blocks"], "heads": heads, "ffn_size": inner,
        "norm": "pre" if shape["norm_first"] else "post", "activation": shape["activation"],
        "layer_norm_epsilon": shape["epsilon"], "scale_embedding": shape["scale"],
        "embedding_norm": "norm.weight" in raw, "final_norm": "transformer.norm.weight" in raw,
        "positions": "start" if padding == "right" else "end",
    }
    state = double(raw)
    return Foreign(
        config, ours, numbers, lambda rows: _transformer_scores(state, rows, numbers, shape), notes=[
            f"assumed: a causal mask, {config['norm']}-LN, {config['activation']}, epsilon {config['layer_norm_epsilon']}, "
            f"embeddings {'× √d' if shape['scale'] else 'not scaled'}, {heads} heads, padding {padding}", *notes,
        ],
    )


# nn.LSTM


def lstm_padding(options: Options) -> tuple[str, int]:
    """What padding the batches had, and the first row of the embedding that is an item."""
    padding = options.need("padding", WHY_LSTM_PADDING)
    if padding == "left-attended-positioned":
        raise UsageFailure("--padding left-attended-positioned is for torch-transformer: a recurrent network has no positions")
    first = options.get("first_item", 0 if padding == "none" else 1)
    if padding == "left-attended" and first == 0:
        raise UsageFailure("--padding left-attended goes with --first-item 1: row 0 of the embedding is what padding is")
    return padding, first


def lstm_length(options: Options, padding: str, notes: list[str]) -> int:
    """The longest window; padding that is seen makes scores depend on it, so then it is asked for."""
    if padding == "left-attended":
        options.need("max_length", "padding on the left is seen, and how much of it there is depends on the length")
        return bounded_length(options.get("max_length"))
    return served_length(options, notes)


def _only(names: list[str], what: str, tensors: Tensors) -> str:
    if len(names) != 1:
        raise ImportFailure(
            f"the checkpoint has {len(names)} tensors that can be {what}, expected one; it has: {', '.join(tensors.names()[:12])}"
        )
    return names[0]


def _lstm_scores(state: dict, rows: list[int], numbers: list[int], names: dict, padding: str, length: int) -> Tensor:
    """The source's forward pass; padding that is seen comes first, as row 0 of the embedding."""
    items = [numbers[row] for row in rows]
    if padding == "left-attended":
        items = [0] * (length - len(rows)) + items
    if padding == "right":
        items = items + [0] * (length - len(rows))
    x = state[names["embedding"]][items]
    for i in range(names["layers"]):
        parts = (f"{names['prefix']}{part}_l{i}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        x = lstm_rows(x, *(state.get(part) for part in parts))
    last = x[len(rows) - 1] if padding == "right" else x[-1]
    if names["output"] is None:
        return state[names["embedding"]][numbers] @ last
    return linear(last, state, names["output"])[[number - names["offset"] for number in numbers]]


def read_torch_lstm(tensors: Tensors, options: Options, extra: dict) -> Foreign:
    """One embedding, one `nn.LSTM`, and a linear output or none; their names are free."""
    heart = _only([n for n in tensors.names() if n.endswith("weight_hh_l0")], "an LSTM (….weight_hh_l0)", tensors)
    prefix = heart.removesuffix("weight_hh_l0")
    padding, first = lstm_padding(options)
    matrices = [n for n in tensors.names() if n.endswith("weight") and len(tensors.shape(n)) == 2]
    embedding = _only([n for n in matrices if "emb" in n.lower()], "the embedding (a matrix ….weight with emb in its name)", tensors)
    raw = {embedding: tensors.take(embedding, None, None)}
    cells, sizes = take_cells(
        tensors, raw, prefix, 4, raw[embedding].shape[1], bias=tensors.has(f"{prefix}bias_ih_l0")
    )
    notes = [f"embedding {embedding}, LSTM {heart}, padding {padding}"]
    config = {
        "architecture": "lstm", "max_length": lstm_length(options, padding, notes),
        "padding": "recurrent-prefix" if padding == "left-attended" else "none",
        "layer_sizes": sizes, "input": "embedding", "embedding_size": raw[embedding].shape[1],
        "bias": f"{prefix}bias_ih_l0" in raw,
    }
    names = {"prefix": prefix, "layers": len(sizes), "embedding": embedding, "output": None, "offset": None}
    numbers, output, outer = list(range(first, len(raw[embedding]))), {"output": "tied"}, {}
    if rest := [n for n in tensors.names() if n.endswith(".weight")]:
        weight = _only(rest, "the output (a matrix ….weight)", tensors)
        names["output"] = weight.removesuffix(".weight")
        names["offset"] = options.need("output_offset", WHY_OFFSET)
        raw[weight] = tensors.take(weight, None, sizes[-1])
        numbers, more = item_numbers(len(raw[embedding]), len(raw[weight]), first, names["offset"])
        notes += more
        columns = [number - names["offset"] for number in numbers]
        output, outer = {"output": "untied"}, {"output.weight": raw[weight][columns]}
        if tensors.has(bias := f"{names['output']}.bias"):
            raw[bias] = tensors.take(bias, len(raw[weight]))
            output["item_bias"], outer["output.bias"] = True, raw[bias][columns]
    elif sizes[-1] != raw[embedding].shape[1]:
        raise ImportFailure("the checkpoint has no output matrix, and the embedding's rows are not of the LSTM's size")
    tensors.finish()
    ours = {"item_embedding.weight": raw[embedding][numbers], **cells, **outer}
    if padding == "left-attended":
        ours["padding_embedding"] = raw[embedding][0]
    state, length = double(raw), config["max_length"]
    return Foreign(
        config | output, ours, numbers, lambda rows: _lstm_scores(state, rows, numbers, names, padding, length),
        source_window="newest" if options.get("max_length") else "whole session", notes=notes,
    )
