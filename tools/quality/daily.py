"""Learning while running: a model that is continued day after day, beside one that stays as it was, and one that is trained anew each day.

Clicks are split by day. For each of the last days d but the very last: the *stale* model was trained once on everything before the first of
them, the *continued* one goes on from itself with d (and a sample of what was before), the *retrained* one is trained from scratch on
everything up to d. All are evaluated on the day after d, of which none has seen a click; targets that a model does not know are misses.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

from quality_commands import DAILY, DATASETS
from quality_runs import Done, Failure, phase_seconds, replay_rows
from quality_table import markdown

MODELS = ("stale", "continued", "retrained")
MEASURES = DATASETS[DAILY.dataset].measures


@dataclass
class Time:
    """What a training took: its epochs alone, the whole process, and the processor time of that."""

    training: float
    process: float
    cpu: float

    @staticmethod
    def total(times: list[Time]) -> Time:
        """The sum."""
        return Time(*(sum(getattr(time, name) for time in times) for name in ("training", "process", "cpu")))

    def __str__(self) -> str:
        return f"{self.training:.1f} / {self.process:.1f} / {self.cpu:.1f}"


@dataclass
class Line:
    """An evaluated day: sessions of it, figures by model and measure, and what both ways to learn the day before took."""

    day: str
    sessions: int
    figures: dict[str, dict[str, float]]
    continuing: Time
    retraining: Time


@dataclass
class Days:
    """Clicks by UTC day. `lines[d]` are the lines of the day's sessions, `sessions[d]` their number; days ascend."""

    head: str
    names: list[str]
    lines: list[list[str]]
    sessions: list[int]

    def write(self, days: range, path: Path) -> Path:
        """Write the clicks of some days in a file."""
        path.write_text(self.head + "".join(line for day in days for line in self.lines[day]))
        return path


def split_days(text: str) -> Days:
    """Split clicks (session, item, seconds; tabs between, names above) by day. A session belongs to the day of its last event. A day with fewer
    than a twentieth of the usual number of sessions, such as the few minutes of one at the data's end, goes to its neighbour."""
    head, *rows = text.splitlines(keepends=True)
    split = [row.rstrip("\n").split("\t") for row in rows]
    last: dict[str, float] = {}
    for session, _, time in split:
        last[session] = max(last.get(session, 0), float(time))
    day_of = {session: datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d") for session, time in last.items()}
    counts: dict[str, int] = {}
    for day in day_of.values():
        counts[day] = counts.get(day, 0) + 1
    usual = median(counts.values()) if counts else 0
    names = sorted(day for day, count in counts.items() if count >= usual / 20)
    # The day before; for what is before the first, the first.
    place = {day: max(0, sum(name <= day for name in names) - 1) for day in counts}
    result = Days(head, names, [[] for _ in names], [0] * len(names))
    for row, (session, _, _) in zip(rows, split):
        result.lines[place[day_of[session]]].append(row)
    for day, count in counts.items():
        result.sessions[place[day]] += count
    return result


def averages(lines: list[Line]) -> dict[str, dict[str, float]]:
    """The mean over days of each figure."""
    return {model: {measure: sum(line.figures[model][measure] for line in lines) / len(lines) for measure in MEASURES} for model in MODELS}


def daily_verdicts(lines: list[Line]) -> list[dict]:
    """What continuation is to reach on the days' average, and whether it does."""
    mean = averages(lines)
    result = []
    for measure in MEASURES:
        continued = mean["continued"][measure]
        stale, bound = mean["stale"][measure], DAILY.quality_share * mean["retrained"][measure]
        result.append({"what": f"{measure} above the stale model's", "bound": stale, "measured": continued, "reached": continued > stale})
        what = f"{measure} at least {DAILY.quality_share} of the retrained model's"
        result.append({"what": what, "bound": bound, "measured": continued, "reached": continued >= bound})
    continuing, retraining = (Time.total([getattr(line, name) for line in lines]) for name in ("continuing", "retraining"))
    for name, words in (("cpu", "processor time of whole processes"), ("training", "seconds of epochs")):
        share = getattr(continuing, name) / getattr(retraining, name)
        what = f"{words}, as a share of retraining's, at most"
        result.append({"what": what, "bound": DAILY.time_share, "measured": share, "reached": share <= DAILY.time_share})
    return result


def daily_table(lines: list[Line], epochs: int, search: float, judged: bool) -> str:
    """The days, their average, and what was reached."""
    first, second = MEASURES
    head = [f"{first} / {second} on", "sessions", *MODELS, "continuing s", "retraining s", "of CPU"]

    def cells(name: str, sessions: int, figures: dict[str, dict[str, float]], continuing: Time, retraining: Time) -> list[str]:
        shown = [f"{figures[model][first]:.4f} / {figures[model][second]:.4f}" for model in MODELS]
        return [name, str(sessions), *shown, str(continuing), str(retraining), f"{continuing.cpu / retraining.cpu:.3f}"]

    rows = [cells(line.day, line.sessions, line.figures, line.continuing, line.retraining) for line in lines]
    total = [Time.total([getattr(line, name) for line in lines]) for name in ("continuing", "retraining")]
    rows.append(cells("mean; sum of seconds", sum(line.sessions for line in lines), averages(lines), *total))
    text = "### Learning while running: Yoochoose-100k's training days, each model evaluated on the day after what it knows\n\n"
    text += markdown(head, rows)
    text += "\nSeconds: of epochs / of the whole process / of processors. "
    text += f"Retraining takes {epochs} epochs, as the stale model's search found; that search took {search:.1f} s, which are not counted.\n"
    if not judged:
        return text + "A quick look: nothing is judged by it.\n"
    for verdict in daily_verdicts(lines):
        said = "reached" if verdict["reached"] else "missed"
        text += f"* {verdict['what']} {verdict['bound']:.4f}: {verdict['measured']:.4f}, {said}\n"
    return text


def train(session, template: str, key: str, **values: object) -> tuple[dict, Time]:
    """Train a model. Returns the training report, and what its last phase and the whole process took."""
    done: Done = session.run(template, key, **values)
    report = json.loads((session.out / f"{key}.json").read_text())["training"]
    return report, Time(phase_seconds(report)[1], done.seconds, done.cpu)


def evaluate(session, model: str, key: str, following: Path) -> dict[str, float]:
    """The figures of a model on a day."""
    done = f"{key}-evaluated"
    session.run(DAILY.evaluate, done, model=session.out / "models" / model, next=following)
    figures = replay_rows(DAILY.dataset, json.loads((session.out / f"{done}.json").read_text()), model)[0].figures
    return {measure: figures[measure] for measure in MEASURES}


def measure_days(session) -> tuple[dict, str]:
    """Run it all: figures, and a section of the report."""
    quick = session.options.quick
    days = split_days((session.options.data / DATASETS[DAILY.dataset].files[0]).read_text())
    count = 1 if quick else session.options.days
    begin = len(days.names) - 1 - count
    if begin < 2:
        raise Failure(f"{count} days to learn, one to evaluate and two to begin with are {count + 3}; the data has {len(days.names)}: fewer --days")
    folder = session.out / "days"
    folder.mkdir(exist_ok=True)
    options = f" {DAILY.quick}" if quick else ""
    before = days.write(range(begin), folder / "before-0.tsv")
    report, _ = train(session, DAILY.first + options, "daily-stale", before=before)
    epochs, model, lines = report["epochs"], "daily-stale", []
    for number, day in enumerate(range(begin, len(days.names) - 1), 1):
        today = days.write(range(day, day + 1), folder / f"today-{number}.tsv")
        known = days.write(range(day + 1), folder / f"before-{number}.tsv")
        following = days.write(range(day + 1, day + 2), folder / f"next-{number}.tsv")
        continued, retrained = f"daily-continued-{number}", f"daily-retrained-{number}"
        _, continuing = train(session, DAILY.continued, continued, model=session.out / "models" / model, today=today, older=before)
        _, retraining = train(session, DAILY.again, retrained, before=known, best=epochs)
        names = {"stale": "daily-stale", "continued": continued, "retrained": retrained}
        figures = {kind: evaluate(session, name, f"daily-{kind}-{number}", following) for kind, name in names.items()}
        lines.append(Line(days.names[day + 1], days.sessions[day + 1], figures, continuing, retraining))
        model, before = continued, known
    search = phase_seconds(report)[0]
    judged = [] if quick else daily_verdicts(lines)
    result = {"epochs": epochs, "search_seconds": search, "days": [asdict(line) for line in lines], "verdicts": judged}
    return result, daily_table(lines, epochs, search, not quick)
