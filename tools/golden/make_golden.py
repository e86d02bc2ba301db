"""Write the golden models: small model directories with the scores that a full forward pass gives.

    python tools/golden/make_golden.py [--out DIR] [NAME ...]

Weights are random and rounded to their stored type; scores are computed in float64 for the
serving window of every event. The same versions of Python packages give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import zlib
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import attention
import recurrent
from cases import CASES, DTYPES, TORCH_ENCODER
from tensors import random_weights
from windows import UNKNOWN, window_rows

DEFAULT_OUT = Path(__file__).resolve().parents[2] / "Tests/SequentialTests/Fixtures/golden"


def make_sequences(name: str, config: dict) -> list[list[int]]:
    """Sessions of several lengths, past several overflows, and with unknown items (`UNKNOWN`)."""
    source = random.Random(zlib.crc32(name.encode()))
    length, items = config["max_length"], config["item_count"]

    def known(count: int) -> list[int]:
        return [source.randrange(items) for _ in range(count)]

    sprinkled = [UNKNOWN if source.random() < 0.3 else row for row in known(length + 5)]
    silent = [UNKNOWN] * (length + 1)
    return [
        known(1),
        known(2 * length + 4),
        [items - 1, items - 1, 0, 0, items - 1],
        sprinkled,
        [UNKNOWN, *known(2), *silent, *known(1)],
    ]


def scores(rows: list[int], name: str, config: dict, weights: dict[str, Tensor]) -> Tensor:
    """The scores of all items [V] after the window `rows`."""
    if name in TORCH_ENCODER:
        hidden = attention.torch_encoder_hidden_state(rows, weights, config)
    elif config["architecture"] == "sasrec":
        hidden = attention.hidden_state(rows, weights, config)
    else:
        hidden = recurrent.hidden_state(rows, weights, config)
    catalogue = weights["output.weight" if config["output"] == "untied" else "item_embedding.weight"]
    return F.linear(hidden, catalogue, weights.get("output.bias"))


def expected_tensors(name: str, config: dict, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """For each session: its rows, the known items in each event's window, the scores after each event."""
    exact = {key: value.double() for key, value in weights.items()}
    result: dict[str, Tensor] = {}
    for s, session in enumerate(make_sequences(name, config)):
        logits = torch.zeros(len(session), config["item_count"], dtype=torch.float64)
        known = torch.zeros(len(session), dtype=torch.int32)
        for event in range(1, len(session) + 1):
            rows = window_rows(session, event, config)
            known[event - 1] = len(rows)
            if rows:
                logits[event - 1] = scores(rows, name, config, exact)
        result[f"sequence.{s}"] = torch.tensor(session, dtype=torch.int32)
        result[f"known.{s}"] = known
        result[f"logits.{s}"] = logits.float()
    return result


def write_case(name: str, out: Path) -> None:
    """Write the directory of one golden model."""
    config = CASES[name]
    weights = random_weights(name, config, DTYPES.get(name, torch.float32))
    directory = out / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (directory / "items.txt").write_text("".join(f"item-{row}\n" for row in range(config["item_count"])))
    (directory / "model.safetensors").write_bytes(save(weights))
    with torch.no_grad():
        (directory / "expected.safetensors").write_bytes(save(expected_tensors(name, config, weights)))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="golden models to write (all of them)")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="where their directories go")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(CASES))
    if unknown:
        parser.error(f"no such golden model: {', '.join(unknown)}")
    torch.set_num_threads(1)
    for name in arguments.names or CASES:
        write_case(name, arguments.out)
        print(name)


if __name__ == "__main__":
    main()
