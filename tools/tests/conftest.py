"""Let the tests import the tools and the benchmark's modules, which are scripts and no package."""

import os
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[1]
BENCHMARKS = TOOLS.parent / "Benchmarks"
FOLDERS = [TOOLS, TOOLS / "golden", TOOLS / "reference", TOOLS / "import", BENCHMARKS / "daemon", BENCHMARKS / "peer"]
sys.path[:0] = [str(folder) for folder in FOLDERS]


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
