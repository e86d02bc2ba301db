"""The schemas of docs/schemas, with an independent validator: they are schemas, and what the documents and a replay show is valid."""

import json
import re
import subprocess
from pathlib import Path

import pytest

jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "docs" / "schemas"
INTENTD = ROOT / ".build" / "release" / "intentd"
MODEL = ROOT / "Tests" / "SequentialTests" / "Fixtures" / "golden" / "gru-tied"


def validator(name: str) -> "jsonschema.Draft202012Validator":
    return jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text()))


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.schema.json")), ids=lambda path: path.name)
def test_it_is_a_schema(path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_the_documented_prediction_is_valid() -> None:
    text = (ROOT / "docs" / "predictions.md").read_text()
    examples = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert examples
    for example in examples:
        validator("prediction").validate(json.loads(example))


@pytest.mark.parametrize(
    "change", [{"predictions": [{"item": "a", "score": 1}]}, {"status": "none"}, {"source": {"topic": "t"}}, {"surprise": 1}]
)
def test_what_is_no_prediction_is_refused(change: dict) -> None:
    text = (ROOT / "docs" / "predictions.md").read_text()
    example = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL).group(1))
    assert not validator("prediction").is_valid(example | change)


@pytest.mark.skipif(not INTENTD.exists() or not MODEL.exists(), reason="intentd is not built")
def test_a_replay_writes_valid_predictions(tmp_path: Path) -> None:
    items = (MODEL / "items.txt").read_text().split("\n")
    clicks = [
        {"session": f"s{n % 3}", "item": items[n % 4] if n % 5 else 'un"known', "time": 1_700_000_000_000 + n, "type": "click"}
        for n in range(40)
    ]
    source = tmp_path / "clicks.jsonl"
    source.write_text("".join(json.dumps(click) + "\n" for click in clicks))
    for click in clicks:
        validator("event").validate(click)
    run = subprocess.run(
        [INTENTD, "--replay", source, "--model", MODEL, "--format", "native"], capture_output=True, text=True, check=True
    )
    lines = run.stdout.splitlines()
    assert len(lines) == len(clicks)
    for line in lines:
        validator("prediction").validate(json.loads(line))
