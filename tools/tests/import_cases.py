"""What the tests of the importer share: small models with their answers, and calls of the importer."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from foreign_models import GSASRec, LSTM, Pmixer, Transformer, randomise
from intentd_import.__main__ import main

ITEMS, LENGTH = 30, 9


def save(model: nn.Module, path: Path) -> Path:
    torch.save(model.state_dict(), path)
    return path


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def imported(tmp_path: Path, source: Path, format: str, *options: str) -> Path:
    out = tmp_path / "model"
    assert main([str(source), "--from", format, "--out", str(out), *options]) == 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    return out


def transformer(**options) -> tuple[nn.Module, list[str]]:
    answers = {"padding": "right", **options}
    arguments = ["--heads", "4", "--padding", answers["padding"], "--output-offset", str(answers.get("offset", 1))]
    if answers.get("norm_first"):
        arguments.append("--norm-first")
    return Transformer(ITEMS, LENGTH, 16, 4, **answers), arguments


def pmixer(variant: str, norm_first: bool = False) -> tuple[nn.Module, list[str]]:
    arguments = ["--variant", variant, "--heads", "2"] + (["--norm_first"] if norm_first else [])
    return Pmixer(variant, norm_first, ITEMS, LENGTH, 16, 2, 2), arguments


def lstm(padding: str, layers: int = 1, tied: bool = False) -> tuple[nn.Module, list[str]]:
    arguments = ["--padding", padding, "--max-length", str(LENGTH)] + ([] if tied else ["--output-offset", "0"])
    return LSTM(ITEMS, 12, 12 if tied else 10, layers, padding, LENGTH, tied), arguments


def gsasrec_state() -> dict[str, torch.Tensor]:
    return dict(randomise(GSASRec(ITEMS, LENGTH, 16, 1, 2), 2).state_dict())
