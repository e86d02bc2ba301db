"""Let the tests import the tools and the benchmark's modules, which are scripts and no package."""

import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
BENCHMARKS = TOOLS.parent / "Benchmarks"
FOLDERS = [TOOLS, TOOLS / "golden", TOOLS / "reference", TOOLS / "import", BENCHMARKS / "daemon", BENCHMARKS / "peer"]
sys.path[:0] = [str(folder) for folder in FOLDERS]
