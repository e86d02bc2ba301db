"""Let the tests import the tools and the benchmark's modules, which are scripts and no package."""

import sys
from pathlib import Path
from typing import Iterator

import pytest

TOOLS = Path(__file__).resolve().parents[1]
BENCHMARKS = TOOLS.parent / "Benchmarks"
FOLDERS = [TOOLS, TOOLS / "golden", TOOLS / "reference", TOOLS / "quality", BENCHMARKS / "daemon", BENCHMARKS / "peer"]
sys.path[:0] = [str(folder) for folder in FOLDERS]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """For models that are too small to be split: threads would only wait for one another."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
