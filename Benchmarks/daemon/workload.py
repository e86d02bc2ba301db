"""What is served and what is clicked: a model directory and a file of clicks, both from a seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

HIDDEN, BLOCKS, FFN, MAX_LENGTH = 64, 2, 256, 50
"""The SASRec that docs/performance.md speaks of."""
MEDIAN_CLICKS, SPREAD, MOST_CLICKS = 4.0, 1.0, 200
"""Lengths of sessions: log-normal, 6.2 clicks on average, 1 in 190 above 50."""


def config(items: int) -> dict:
    """`config.json` of a model directory."""
    return {
        "format_version": 1,
        "architecture": "sasrec",
        "item_count": items,
        "max_length": MAX_LENGTH,
        "output": "tied",
        "hidden_size": HIDDEN,
        "blocks": BLOCKS,
        "heads": 1,
        "ffn_size": FFN,
        "norm": "pre",
        "activation": "relu",
        "layer_norm_epsilon": 1e-5,
        "final_norm": True,
        "positions": "start",
    }


def shapes(items: int) -> dict[str, tuple[int, ...]]:
    """The tensors that this configuration asks for."""
    result: dict[str, tuple[int, ...]] = {
        "item_embedding.weight": (items, HIDDEN),
        "position_embedding.weight": (MAX_LENGTH, HIDDEN),
    }
    for block in range(BLOCKS):
        for part in ("attention.query", "attention.key", "attention.value", "attention.output"):
            result[f"blocks.{block}.{part}.weight"] = (HIDDEN, HIDDEN)
        result[f"blocks.{block}.ffn.in.weight"] = (FFN, HIDDEN)
        result[f"blocks.{block}.ffn.in.bias"] = (FFN,)
        result[f"blocks.{block}.ffn.out.weight"] = (HIDDEN, FFN)
        for part in ("attention.query", "attention.key", "attention.value", "attention.output", "ffn.out"):
            result[f"blocks.{block}.{part}.bias"] = (HIDDEN,)
        for part in ("attention_norm", "ffn_norm"):
            result |= {f"blocks.{block}.{part}.{name}": (HIDDEN,) for name in ("weight", "bias")}
    return result | {f"final_norm.{name}": (HIDDEN,) for name in ("weight", "bias")}


def popularity(items: int, seed: int) -> np.ndarray:
    """Rows of the catalogue, the most clicked first. The order of a catalogue says nothing of popularity."""
    return np.random.default_rng([seed, items]).permutation(items)


def write_model(directory: Path, items: int, seed: int = 1) -> None:
    """A model with random weights. Norms of its items fall with their popularity, as those of trained models do, so
    that neither the exact search nor the peer's meets a catalogue easier than a real one."""
    random = np.random.default_rng(seed)
    tensors = {}
    for name, shape in shapes(items).items():
        if name.endswith("norm.weight"):
            tensors[name] = np.ones(shape, np.float32)
        elif name.endswith("bias"):
            tensors[name] = (0.02 * random.standard_normal(shape)).astype(np.float32)
        else:
            tensors[name] = (random.standard_normal(shape) / np.sqrt(shape[1])).astype(np.float32)
    norms = np.empty(items, np.float32)
    norms[popularity(items, seed)] = 2 / (1 + 0.25 * np.log2(1 + np.arange(items)))
    tensors["item_embedding.weight"] *= norms[:, None]
    directory.mkdir(parents=True, exist_ok=True)
    save_file(tensors, directory / "model.safetensors")
    (directory / "items.txt").write_text("".join(f"{item_id(row)}\n" for row in range(items)))
    (directory / "config.json").write_text(json.dumps(config(items), indent=2) + "\n")


def item_id(row: int) -> str:
    """The external id of a row."""
    return f"sku-{row:07d}"


def make_clicks(
    items: int, count: int, median: float = MEDIAN_CLICKS, active: int = 2000, seed: int = 1
) -> list[tuple[str, str]]:
    """`count` clicks, session and item each, of `active` visitors at a time who take turns by chance. When one has gone,
    another comes. Half of the sessions have `median` clicks or fewer. Items are Zipf-distributed: the n-th most popular is
    clicked 1 / n as often as the first."""
    random = np.random.default_rng([seed, items, active])
    weights = 1 / np.arange(1, items + 1)
    ranks = np.searchsorted(np.cumsum(weights / weights.sum()), random.random(count)).clip(max=items - 1)
    rows = popularity(items, seed)[ranks]
    lengths = np.exp(random.normal(np.log(median), SPREAD, count + active)).clip(1, MOST_CLICKS).astype(int)
    names = [f"{value:016x}" for value in random.integers(1 << 63, size=count + active)]
    # At the start visitors are in the middle of their sessions, so that they don't all go at once.
    left = (lengths[:active] * random.random(active)).astype(int) + 1
    present = list(range(active))
    following = active
    clicks = []
    for row, place in zip(rows.tolist(), random.integers(active, size=count).tolist()):
        clicks.append((names[present[place]], item_id(row)))
        left[place] -= 1
        if not left[place]:
            present[place], left[place] = following, lengths[following]
            following += 1
    return clicks


def mean_window(clicks: list[tuple[str, str]], first: int = 0) -> float:
    """Clicks in the session up to each click from `first` on, at most the model's length: what a full recompute goes through."""
    seen: dict[str, int] = {}
    total = 0
    for number, (session, _) in enumerate(clicks):
        seen[session] = seen.get(session, 0) + 1
        if number >= first:
            total += min(seen[session], MAX_LENGTH)
    return total / (len(clicks) - first)


def write_clicks(file: Path, clicks: list[tuple[str, str]]) -> None:
    """Lines `session TAB item`, which loadgen reads."""
    file.write_text("".join(f"{session}\t{item}\n" for session, item in clicks))
