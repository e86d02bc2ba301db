"""Writes a model directory: docs/model-directory.md."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file

from .failures import ImportFailure
from .foreign import Foreign

LONGEST_ID = 512


def read_items(path: Path, count: int) -> list[str]:
    """The external ids in `path`, one a line; line n (from 0) is row n of the catalogue, which has `count` rows."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ImportFailure(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImportFailure(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error
    if text.startswith("\ufeff"):
        raise ImportFailure(f"{path} begins with a byte order mark; save it without")
    ids = text.split("\n")
    if ids and ids[-1] == "":
        ids.pop()
    check_items(ids, str(path))
    if len(ids) != count:
        raise ImportFailure(
            f"{path} has {len(ids)} ids, the checkpoint {count} items; the file needs one line an item, in the order of the "
            "source's item numbers, without header and without a line for padding"
        )
    return ids


def check_items(ids: list[str], origin: str) -> None:
    """Refuses ids that items.txt can't hold."""
    lines: dict[str, int] = {}
    for line, item in enumerate(ids, 1):
        if not item or "\n" in item or "\r" in item or len(item.encode()) > LONGEST_ID:
            raise ImportFailure(
                f"{origin}, line {line}: an id has 1 to {LONGEST_ID} bytes and no end of line, this is {item[:40]!r}"
            )
        if item in lines:
            raise ImportFailure(f"{origin}, line {line}: {item[:40]!r} is in line {lines[item]} already")
        lines[item] = line


def write_directory(folder: Path, foreign: Foreign, items: list[str], name: str | None) -> None:
    """Writes everything but `metrics.json` into `folder`, which exists."""
    config = {"format_version": 1, "item_count": len(items), **foreign.config}
    if name is not None:
        config["name"] = name
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "items.txt").write_text("".join(f"{item}\n" for item in items), encoding="utf-8", newline="\n")
    save_file({key: value.clone().contiguous() for key, value in foreign.tensors.items()}, folder / "model.safetensors")


def write_metrics(folder: Path, metrics: dict) -> None:
    """Writes `metrics.json` into `folder`."""
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
