"""Let the tests import the tools and the benchmark's modules, which are scripts and no package."""

import os
import sys
from pathlib import Path
from typing import Iterator

import pytest

TOOLS = Path(__file__).resolve().parents[1]
BENCHMARKS = TOOLS.parent / "Benchmarks"
FOLDERS = [TOOLS / name for name in ("", "golden", "reference", "quality", "import")]
FOLDERS += [BENCHMARKS / "daemon", BENCHMARKS / "peer"]
sys.path[:0] = [str(folder) for folder in FOLDERS]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """For models that are too small to be split: threads would only wait for one another."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def binary() -> Path:
    """The daemon; `make test` has built it before."""
    from intentd_import.parity import find_binary

    found = find_binary(None)
    if found is None:
        message = "no intentd: swift build -c release --product intentd"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found
