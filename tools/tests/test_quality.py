"""`make quality`: what it computes, and a whole run with programs that only pretend."""

import json
import os
import sys
from pathlib import Path

import pytest

import quality
import quality_runs
import quality_table
from quality_commands import DATASETS, OURS, RACES, REFERENCES
from quality_runs import Failure, Row, fill


def rows(ours: float, reference: float) -> list[Row]:
    """Two rows of MovieLens; NDCG is half of HR."""
    made = [("a", "ours", ours), ("b", "reference", reference), ("c", "baseline", 0.9)]
    return [Row("ml-1m", name, kind, {"HR@10": value, "NDCG@10": value / 2}) for name, kind, value in made]


def test_targets_are_reached_and_references_exceeded() -> None:
    def outcome(ours: float, reference: float) -> list[bool]:
        return [verdict["reached"] for verdict in quality_table.verdicts(DATASETS["ml-1m"], rows(ours, reference))]

    assert outcome(0.40, 0.30) == [True, True, True, True]
    assert outcome(0.31, 0.30) == [True, False, True, True]
    assert outcome(0.40, 0.40) == [True, True, False, False]
    assert outcome(0.10, 0.40) == [False, False, False, False]


def test_only_targets_judge_yoochoose_and_nothing_judges_nothing() -> None:
    dataset = DATASETS["yoochoose"]
    figures = [Row("yoochoose", "a", "ours", {"HR@20": 0.705, "MRR@20": 0.3779}), Row("yoochoose", "b", "reference", {"HR@20": 0.9, "MRR@20": 0.9})]
    assert [verdict["reached"] for verdict in quality_table.verdicts(dataset, figures)] == [True, False]
    assert quality_table.verdicts(dataset, figures[1:]) == []
    assert "nothing is judged" in quality_table.quality_table(dataset, figures[1:], True)
    assert "missed" not in quality_table.quality_table(dataset, figures, False)


def test_a_table_has_every_row_and_marks_what_is_old() -> None:
    made = rows(0.4, 0.3)
    made[1].notes, made[1].expected, made[1].seconds = ["reused, of 2026-01-02"], (0.3003, 0.1726), 99.6
    made[0].process = 120.4
    lines = quality_table.quality_table(DATASETS["ml-1m"], made, True).splitlines()
    assert lines[2:7] == [
        "| model                     |  HR@10 | NDCG@10 | training s | process s | once measured or published |",
        "|---------------------------|-------:|--------:|-----------:|----------:|---------------------------:|",
        "| a                         | 0.4000 |  0.2000 |          – |       120 |                          – |",
        "| b (reused, of 2026-01-02) | 0.3000 |  0.1500 |        100 |         – |            0.3003 / 0.1726 |",
        "| c                         | 0.9000 |  0.4500 |          – |         – |                          – |",
    ]


def test_races_are_judged_by_medians() -> None:
    race = {"name": "x", "ours": [{"training": t, "process": t + 1} for t in (2.0, 9.0, 1.0)]}
    race["reference"] = [{"training": t, "process": t + 5} for t in (3.0, 2.9, 30.0)]
    figures = quality_table.race_figures(race)
    assert figures["training"] == {"ours": 2.0, "reference": 3.0, "ratio": 1.5}
    assert figures["process"] == {"ours": 3.0, "reference": 8.0, "ratio": pytest.approx(8 / 3)}
    assert "1.50 times as fast; at least 1.0: reached; 1.5: reached" in quality_table.race_table([race], True)
    race["reference"][0]["training"] = 1.0
    race["reference"][1]["training"] = 1.0
    assert "0.50 times as fast; at least 1.0: missed; 1.5: missed" in quality_table.race_table([race], True)


def test_no_training_sees_the_test_items(tmp_path: Path) -> None:
    source, target = tmp_path / "all.txt", tmp_path / "without.txt"
    source.write_text("a b c\nd\n\ne  f\n")
    assert quality_runs.without_last(source, target) == 2
    assert target.read_text() == "a b\ne\n"
    for model in OURS:
        if model.dataset == "ml-1m":
            assert "{data}" not in model.train and "{work}/ml-1m-without-test.txt" in model.train
            assert "--baseline-train {work}/ml-1m-without-test.txt" in model.evaluate
        else:
            assert "test.tsv" not in model.train


def test_placeholders_are_filled_within_words() -> None:
    assert fill("{a}/x --k {b} 'c d'", {"a": "/with blank", "b": 3}) == ["/with blank/x", "--k", "3", "c d"]
    known = dict.fromkeys(("intentd", "python", "reference", "data", "work", "out", "json", "threads", "minutes", "epochs"), "v")
    templates = [text for model in OURS for text in (model.train, model.evaluate)]
    templates += [reference.train for reference in REFERENCES] + [text for race in RACES for text in (race.ours, race.reference)]
    for template in templates:
        assert all("{" not in word for word in fill(template, known))


def test_references_that_were_still_learning_are_marked() -> None:
    assert quality_runs.stopped_early({"ended_by": "patience", "epochs": 50, "best_epoch": 30}) == []
    assert quality_runs.stopped_early({"training_seconds": 3}) == []
    assert "may not have converged" in quality_runs.stopped_early({"ended_by": "minutes", "epochs": 50, "best_epoch": 48})[0]
    assert "converged" not in quality_runs.stopped_early({"ended_by": "minutes", "epochs": 80, "best_epoch": 48})[0]


def test_training_seconds_are_of_the_training_alone(tmp_path: Path) -> None:
    assert quality_runs.training_seconds(tmp_path) is None
    for metrics, seconds in (({"epochs": 3}, None), ({"seconds": 9}, 9.0), ({"seconds": 9, "training_seconds": 4.5}, 4.5)):
        (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        assert quality_runs.training_seconds(tmp_path) == seconds
    epochs = [{"seconds": 1.5}, {"seconds": 2}]
    assert quality_runs.phase_seconds({"search": {"epochs": epochs}, "refit": epochs[:1]}) == (3.5, 1.5)
    assert quality_runs.phase_seconds({"search": None, "refit": epochs}) == (0, 3.5)


def test_a_command_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="status 3 from.*\n.*it broke"):
        quality_runs.run([sys.executable, "-c", "print('it broke'); raise SystemExit(3)"], tmp_path / "log")
    with pytest.raises(Failure, match="can't be started"):
        quality_runs.run([str(tmp_path / "nothing")], tmp_path / "log")


PRETENDER = """#!{python}
import json, sys
from pathlib import Path
given = sys.argv[1:]
value = lambda name: given[given.index(name) + 1]
if given[0] == "train":
    if "gru4rec" in given and "--preset" not in given:
        sys.exit("no such architecture")
    Path(value("--out")).mkdir(parents=True, exist_ok=True)
    (Path(value("--out")) / "metrics.json").write_text(json.dumps({{"training_seconds": 0.5}}))
else:
    at = [{{"k": k, "hitRate": 0.5, "mrr": 0.25, "ndcg": 0.3}} for k in (1, 10, 20)]
    made = [{{"name": n, "targets": 3, "evictedSessions": 0, "metrics": at}} for n in ("model", "popularity", "vmis-knn")]
    made = made if "--baselines" in given else made[:1]
    Path(value("--report")).write_text(json.dumps({{"evaluation": {{"rows": made}}}}))
"""


def test_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Our program pretends, one reference trains really, the others are reused; one command fails, and the rest goes on."""
    intentd = tmp_path / "intentd"
    intentd.write_text(PRETENDER.format(python=sys.executable))
    intentd.chmod(0o755)
    data = tmp_path / "data" / "yoochoose-100k"
    data.mkdir(parents=True)
    lines = "".join(f"{s}\ti{(s + t) % 7}\t{10 * s + t}\n" for s in range(12) for t in range(4))
    for name in ("train.tsv", "test.tsv"):
        (data / name).write_text("SessionId\tItemId\tTime\n" + lines)
    old = tmp_path / "old"
    old.mkdir()
    for key in ("yoochoose-gru4rec", "yoochoose-gru4rec-parallel"):
        (old / f"{key}.json").write_text(json.dumps({"HR@20": 0.6, "MRR@20": 0.3, "training_seconds": 12.3}))
    out = tmp_path / "out"
    given = ["--data", data.parent, "--intentd", intentd, "--quick", "--reuse", old, "--out", out, "--threads", 1]
    monkeypatch.setattr(sys, "argv", ["quality.py", *map(str, given)])
    assert quality.main() == 1
    result = json.loads((out / "quality.json").read_text())
    names = [(row["name"], row["kind"]) for row in result["quality"]["yoochoose"]["rows"]]
    ours, baselines = "ours", [("popularity", "baseline"), ("vmis-knn", "baseline")]
    assert names[:3] == [("intentd train, SASRec", ours), *baselines]
    assert names[3:5] == [("intentd train, GRU4Rec", ours), ("intentd train, LSTM", ours)]
    assert [kind for _, kind in names[5:]] == ["reference"] * 3
    rows = result["quality"]["yoochoose"]["rows"]
    assert [row["seconds"] for row in rows[:5]] == [0.5, None, None, 0.5, 0.5]
    assert rows[0]["process"] > 0 and rows[5]["process"] >= rows[5]["seconds"] and rows[6]["process"] is None
    notes = [row["notes"] for row in rows[5:]]
    assert notes[0] == [] and notes[1][0].startswith("reused, of ") and notes[2][0].startswith("reused, of ")
    assert result["quality"]["yoochoose"]["verdicts"] == []
    assert [len(race["ours"]) for race in result["races"]] == [1]
    assert result["races"][0]["figures"]["training"]["ours"] == 0.5
    assert len(result["failures"]) == 1 and "no such architecture" in result["failures"][0]
    text = (out / "quality.md").read_text()
    assert capsys.readouterr().out.strip() == text.strip()
    for expected in ("reused, of ", "**Failed:** status 1", "train_sasrec.py", "nothing is judged", "0.5000 | 0.2500"):
        assert expected in text


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["quality.py", "--data", str(tmp_path), "--only", "ml-1m"])
    assert quality.main() == 1
    assert "no ml-1m/sequences.txt in" in capsys.readouterr().err
    parts = ("yoochoose", "ml-1m", "speed", "daily")
    for given, wanted in (([], [True] * 4), (["--quick"], [True, False, True, False]), (["--only", "daily"], [False, False, False, True])):
        assert [quality.wants(quality.parse(given), part) for part in parts] == wanted
    options = quality.parse([])
    assert options.threads == os.cpu_count()
