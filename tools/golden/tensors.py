"""The tensors that a `config.json` asks for, and random values for them."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def norm_shapes(name: str, size: int) -> Shapes:
    """The two tensors of a LayerNorm."""
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def linear_shapes(name: str, outputs: int, inputs: int, bias: bool) -> Shapes:
    """The tensors of a linear map."""
    shapes: Shapes = {f"{name}.weight": (outputs, inputs)}
    return shapes | {f"{name}.bias": (outputs,)} if bias else shapes


def sasrec_shapes(config: dict) -> Shapes:
    """Tensors of a `sasrec` encoder."""
    size, inner = config["hidden_size"], config["ffn_size"]
    attention_bias, ffn_bias = config.get("attention_bias", True), config.get("ffn_bias", True)
    shapes: Shapes = {"item_embedding.weight": (config["item_count"], size)}
    if config["positions"] in ("start", "end"):
        shapes["position_embedding.weight"] = (config["max_length"], size)
    if config.get("padding") == "attended":
        shapes["padding_embedding"] = (size,)
    for name in ("embedding_norm", "final_norm"):
        if config.get(name, False):
            shapes |= norm_shapes(name, size)
    parts = ["query", "key", "value"] + (["output"] if config.get("attention_output", True) else [])
    for i in range(config["blocks"]):
        shapes |= norm_shapes(f"blocks.{i}.attention_norm", size) | norm_shapes(f"blocks.{i}.ffn_norm", size)
        for part in parts:
            shapes |= linear_shapes(f"blocks.{i}.attention.{part}", size, size, attention_bias)
        shapes |= linear_shapes(f"blocks.{i}.ffn.in", inner, size, ffn_bias)
        shapes |= linear_shapes(f"blocks.{i}.ffn.out", size, inner, ffn_bias)
    return shapes


def recurrent_shapes(config: dict) -> Shapes:
    """Tensors of a `gru` or `lstm` encoder."""
    gates = 4 if config["architecture"] == "lstm" else 3
    sizes, one_hot = config["layer_sizes"], config["input"] == "one-hot"
    width = gates * sizes[0] if one_hot else config["embedding_size"]
    shapes: Shapes = {"input.weight" if one_hot else "item_embedding.weight": (config["item_count"], width)}
    for i, size in enumerate(sizes):
        if not (one_hot and i == 0):
            shapes[f"layers.{i}.weight_ih"] = (gates * size, sizes[i - 1] if i else width)
        shapes[f"layers.{i}.weight_hh"] = (gates * size, size)
        if config.get("bias", True):
            shapes[f"layers.{i}.bias_ih"] = (gates * size,)
            if i or config.get("gates", "pytorch") == "pytorch":
                shapes[f"layers.{i}.bias_hh"] = (gates * size,)
    if "projection_size" in config:
        bias = config.get("projection_bias", True)
        shapes |= linear_shapes("projection", config["projection_size"], sizes[-1], bias)
    if config.get("padding") == "recurrent-prefix":
        shapes["padding_embedding"] = (width,)
    return shapes


def output_size(config: dict) -> int:
    """`o`: the size of what is multiplied with the catalogue."""
    if config["architecture"] == "sasrec":
        return config["hidden_size"]
    return config.get("projection_size", config["layer_sizes"][-1])


def model_shapes(config: dict) -> Shapes:
    """Every tensor of the model."""
    shapes = sasrec_shapes(config) if config["architecture"] == "sasrec" else recurrent_shapes(config)
    if config["output"] == "untied":
        shapes["output.weight"] = (config["item_count"], output_size(config))
    if config.get("item_bias", False):
        shapes["output.bias"] = (config["item_count"],)
    return shapes


def random_tensor(name: str, shape: tuple[int, ...], config: dict, generator: torch.Generator) -> Tensor:
    """Values of a size at which every tensor matters for the scores."""
    values = torch.randn(shape, generator=generator, dtype=torch.float64)
    if name.endswith("norm.weight"):
        return 1 + 0.3 * values
    if name.endswith(("bias", "bias_ih", "bias_hh")):
        return 0.3 * values
    if name == "item_embedding.weight":
        return values * (0.3 if config.get("scale_embedding", False) else 0.7)
    if name in ("position_embedding.weight", "padding_embedding", "input.weight"):
        return 0.7 * values
    return values * 1.2 / shape[-1] ** 0.5


def random_weights(name: str, config: dict, dtype: torch.dtype) -> dict[str, Tensor]:
    """All tensors of the case `name`, rounded to `dtype`; the name is the seed."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    shapes = model_shapes(config)
    return {key: random_tensor(key, shapes[key], config, generator).to(dtype) for key in sorted(shapes)}
