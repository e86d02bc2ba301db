"""Learning while running, as `make quality` shows it: days, the table, what is judged, and a run with a program that only pretends."""

import json
import sys
from pathlib import Path

import pytest

import daily
import quality
import quality_runs
from daily import Line, Time, split_days

DAY = 86400.0
HEAD = "SessionId\tItemId\tTime\n"


def clicks(days: int, sessions: int = 3) -> str:
    """Sessions of two clicks a day."""
    lines = [f"{100 * day + s}\ti{s + t}\t{day * DAY + 100 * s + t}\n" for day in range(days) for s in range(sessions) for t in range(2)]
    return HEAD + "".join(lines)


def line(day: str, stale: float, continued: float, retrained: float, cpu: float) -> Line:
    """A day whose MRR is half of HR; retraining takes 100 s."""
    figures = zip(daily.MODELS, (stale, continued, retrained))
    figures = {model: {"HR@20": value, "MRR@20": value / 2} for model, value in figures}
    return Line(day, 7, figures, Time(cpu - 1, cpu + 1, cpu), Time(90, 110, 100))


def test_a_session_is_of_the_day_of_its_last_event() -> None:
    days = split_days(HEAD + f"1\ta\t{DAY - 5}\n2\tb\t{DAY - 1}\n1\tc\t{DAY + 0.5}\n3\td\t5\n")
    assert days.names == ["1970-01-01", "1970-01-02"]
    assert days.sessions == [2, 1]
    assert days.lines == [[f"2\tb\t{DAY - 1}\n", "3\td\t5\n"], [f"1\ta\t{DAY - 5}\n", f"1\tc\t{DAY + 0.5}\n"]]


def test_a_day_of_a_few_sessions_goes_to_its_neighbour(tmp_path: Path) -> None:
    text = clicks(3, sessions=40) + f"999\ta\t{3 * DAY + 1}\n"
    days = split_days(text)
    assert days.names == ["1970-01-01", "1970-01-02", "1970-01-03"] and days.sessions == [40, 40, 41]
    assert days.lines[2][-1].startswith("999")
    # And before the first day to the first one.
    assert split_days(HEAD + f"998\ta\t{-DAY + 1}\n" + clicks(3, sessions=40)[len(HEAD) :]).sessions == [41, 40, 40]
    two = days.write(range(2), tmp_path / "two").read_text()
    assert two == clicks(2, sessions=40)


def test_what_continuation_has_to_reach() -> None:
    def reached(*lines: Line) -> list[bool]:
        return [verdict["reached"] for verdict in daily.daily_verdicts(list(lines))]

    assert reached(line("a", 0.4, 0.499, 0.5, 9)) == [True] * 6
    assert reached(line("a", 0.4, 0.48, 0.5, 9)) == [True, False, True, False, True, True]
    assert reached(line("a", 0.5, 0.5, 0.5, 9)) == [False, True, False, True, True, True]
    # 10.5 s of processors are too much, 9.5 s of 90 s of epochs too.
    assert reached(line("a", 0.4, 0.5, 0.5, 10.5)) == [True] * 4 + [False, False]
    # Averages are judged, not days; times are sums.
    assert reached(line("a", 0.5, 0.4, 0.5, 15), line("b", 0.2, 0.6, 0.5, 3)) == [True] * 6


def test_the_table_of_days() -> None:
    text = daily.daily_table([line("a", 0.4, 0.48, 0.5, 8), line("b", 0.2, 0.5, 0.5, 16)], 17, 12.34, True)
    table = [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines() if row.startswith("|")]
    assert table[0] == ["HR@20 / MRR@20 on", "sessions", "stale", "continued", "retrained", "continuing s", "retraining s", "of CPU"]
    assert table[2] == ["a", "7", "0.4000 / 0.2000", "0.4800 / 0.2400", "0.5000 / 0.2500", "7.0 / 9.0 / 8.0", "90.0 / 110.0 / 100.0", "0.080"]
    assert table[4][1:] == ["14", "0.3000 / 0.1500", "0.4900 / 0.2450", "0.5000 / 0.2500", "22.0 / 26.0 / 24.0", "180.0 / 220.0 / 200.0", "0.120"]
    assert "17 epochs" in text and "12.3 s" in text
    assert "* HR@20 at least 0.98 of the retrained model's 0.4900: 0.4900, reached" in text
    assert "share of retraining's, at most 0.1000: 0.1200, missed" in text
    assert "missed" not in daily.daily_table([line("a", 0.5, 0.4, 0.5, 50)], 17, 1, False)


# Each model has the number of clicks that it was trained on in its metrics; a tenth of HR@20 is a day that it knows.
PRETENDER = """#!{python}
import json, sys
from pathlib import Path
given = sys.argv[1:]
value = lambda name: given[given.index(name) + 1]
if given[0] == "train":
    known = Path(given[1]).read_text().count("\\n") - 1
    if "--continue" in given:
        older = Path(value("--replay-older")).read_text().count("\\n") - 1
        before = json.loads((Path(value("--continue")) / "metrics.json").read_text())["clicks"]
        assert before == older, (before, older)
        known += before
    Path(value("--out")).mkdir()
    (Path(value("--out")) / "metrics.json").write_text(json.dumps({{"clicks": known}}))
    epochs = [{{"seconds": 1 if "--continue" in given else 30}}]
    search = None if value("--validation") == "none" else {{"epochs": [{{"seconds": 5}}] * 2}}
    report = {{"epochs": 21, "refit": epochs, "search": search}}
    Path(value("--report")).write_text(json.dumps({{"training": report}}))
else:
    known = json.loads((Path(value("--model")) / "metrics.json").read_text())["clicks"]
    day = int(float(Path(value("--replay")).read_text().splitlines()[-1].split("\\t")[2]) // 86400)
    assert known <= 6 * day, (known, day)
    row = {{"name": "m", "metrics": [{{"k": 20, "hitRate": known / 60, "mrr": known / 120, "ndcg": 0}}]}}
    Path(value("--report")).write_text(json.dumps({{"evaluation": {{"rows": [row]}}}}))
"""


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Six days, and a program that pretends."""
    intentd = tmp_path / "intentd"
    intentd.write_text(PRETENDER.format(python=sys.executable))
    intentd.chmod(0o755)
    data = tmp_path / "data" / "yoochoose-100k"
    data.mkdir(parents=True)
    for name in ("train.tsv", "test.tsv"):
        (data / name).write_text(clicks(6))
    return ["quality.py", "--only", "daily", "--data", str(data.parent), "--intentd", str(intentd), "--out", str(tmp_path / "out")]


def test_each_model_knows_the_days_before(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [*arguments, "--days", "2"])
    assert quality.main() == 0
    written = json.loads((tmp_path / "out" / "quality.json").read_text())
    result = written["daily"]
    # Three days to begin with, two to learn, and the days after those.
    assert [day["day"] for day in result["days"]] == ["1970-01-05", "1970-01-06"]
    shown = [[round(day["figures"][model]["HR@20"] * 10) for model in daily.MODELS] for day in result["days"]]
    assert shown == [[3, 4, 4], [3, 5, 5]]
    assert result["epochs"] == 21 and result["search_seconds"] == 10
    assert [day["continuing"]["training"] for day in result["days"]] == [1, 1]
    assert [day["retraining"]["training"] for day in result["days"]] == [30, 30]
    assert all(day["retraining"]["cpu"] > 0 for day in result["days"])
    commands = [entry["command"] for entry in written["commands"]]
    assert sum("--epochs 21 " in command for command in commands) == 2
    assert "* HR@20 above the stale model's 0.3000: 0.4500, reached" in (tmp_path / "out" / "quality.md").read_text()


def test_too_few_days_are_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [*arguments, "--days", "4"])
    assert quality.main() == 1
    assert "are 7; the data has 6: fewer --days" in capsys.readouterr().err


def test_processor_time_is_of_what_was_run(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    done = quality_runs.run([sys.executable, "-c", busy], tmp_path / "log")
    idle = quality_runs.run([sys.executable, "-S", "-c", "import time; time.sleep(0.3)"], tmp_path / "log")
    assert 0.3 <= done.cpu < 2 and idle.cpu < done.cpu
