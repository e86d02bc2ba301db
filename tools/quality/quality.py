"""Ours, simple baselines and the PyTorch references on the same data in one run: quality, and training time.

    make quality [DATA=/path] [ARGS='--quick']

The data: DATA/yoochoose-100k/{train,test}.tsv and DATA/ml-1m/sequences.txt. Everything is written to a new temporary folder, or to --out. What is
taken from an earlier run (--reuse) is marked in the tables. docs/training.md says what the lines mean.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from daily import measure_days
from quality_commands import DATASETS, OURS, RACE_EPOCHS, RACES, REFERENCES, DataSet, Ours, Race, Reference
from quality_runs import ROOT, Done, Failure, Row, fill, machine, replay_rows, reused, run, stopped_early, training_seconds, without_last
from quality_table import quality_table, race_figures, race_table, report, verdicts


class Session:
    """A run of the driver: where things are, and what was done."""

    def __init__(self, options: Namespace, out: Path) -> None:
        self.options, self.out = options, out
        self.commands: list[Done] = []
        self.failures: list[str] = []
        (out / "logs").mkdir(parents=True, exist_ok=True)

    def values(self, key: str) -> dict[str, object]:
        """What placeholders stand for, for what is called `key`."""
        return {
            "intentd": self.options.intentd,
            "python": sys.executable,
            "reference": ROOT / "tools" / "reference",
            "data": self.options.data,
            "work": self.out,
            "out": self.out / "models" / key,
            "json": self.out / f"{key}.json",
            "threads": self.options.threads,
            "minutes": self.options.minutes,
            "epochs": 1 if self.options.quick else RACE_EPOCHS,
        }

    def run(self, template: str, key: str, log: str = "", **values: object) -> Done:
        """Run a command of the table, with further `values` for placeholders; models are written to folders of their own."""
        (self.out / "models").mkdir(exist_ok=True)
        done = run(fill(template, self.values(key) | values), self.out / "logs" / f"{log or key}.log")
        self.commands.append(done)
        return done

    def ours(self, model: Ours) -> list[Row]:
        """Train and evaluate a model of ours, and the baselines that its command evaluates beside it."""
        key = model.key
        quick = f" {model.quick}" if self.options.quick else ""
        trained = self.run(model.train + quick, key, f"{key}-train")
        self.run(model.evaluate, key, f"{key}-evaluate")
        rows = replay_rows(model.dataset, json.loads((self.out / f"{key}.json").read_text()), model.name)
        rows[0].seconds, rows[0].process = training_seconds(self.out / "models" / key), trained.seconds
        return rows

    def reference(self, reference: Reference) -> Row:
        """A reference's row: from the folder of an earlier run, or trained and evaluated now."""
        result = reused(self.options.reuse, reference.key)
        notes = [] if result is None else [result["reused"]]
        process = None
        if result is None:
            done = self.run(reference.train + (f" {reference.quick}" if self.options.quick else ""), reference.key)
            result = json.loads((self.out / f"{reference.key}.json").read_text())
            process = done.seconds
            # Some say it in their model directory alone.
            result.setdefault("training_seconds", training_seconds(self.out / "models" / reference.key))
        figures = {name: value for name, value in result.items() if "@" in name}
        notes += [] if self.options.quick else stopped_early(result)
        seconds = result.get("training_seconds")
        return Row(reference.dataset, reference.name, "reference", figures, seconds, process, reference.expected, notes)

    def race(self, race: Race, index: int) -> dict:
        """Ours and the reference in turns."""
        entries: dict[str, list[dict]] = {"ours": [], "reference": []}
        for turn in range(1 if self.options.quick else self.options.rounds):
            for side in ("ours", "reference"):
                key = f"race-{index}-{side}-{turn}"
                done = self.run(getattr(race, side), key)
                seconds = training_seconds(self.out / "models" / key)
                entries[side].append({"process": done.seconds, "training": done.seconds if seconds is None else seconds})
        return {"name": race.name} | entries

    def attempt(self, what, *arguments):
        """What it returns, or nothing where it failed: the failure is told at the end, and the rest goes on."""
        try:
            return what(*arguments)
        except Failure as failure:
            print(f"failed: {failure}", file=sys.stderr, flush=True)
            self.failures.append(str(failure))
            return None


def check(options: Namespace, chosen: list[DataSet]) -> None:
    """Whether everything is there that the run needs."""
    files = {file for dataset in chosen for file in dataset.files}
    files |= set(DATASETS["yoochoose"].files) if wants(options, "speed") or wants(options, "daily") else set()
    missing = sorted(file for file in files if not (options.data / file).exists())
    if missing:
        raise Failure(f"no {', '.join(missing)} in {options.data.absolute()}; where the data is elsewhere: make quality DATA=/path")
    if not os.access(options.intentd, os.X_OK):
        raise Failure(f"{options.intentd} is no program: make build, or --intentd PATH")
    if options.reuse is not None and not options.reuse.is_dir():
        raise Failure(f"--reuse {options.reuse} is no folder")


def wants(options: Namespace, part: str) -> bool:
    """Whether a part is to be run."""
    if options.only is not None:
        return options.only == part
    return part not in ("ml-1m", "daily") or not options.quick


def parse(arguments: list[str] | None = None) -> Namespace:
    """The command line."""
    parser = ArgumentParser(description=__doc__.split("\n")[0], formatter_class=ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data", help="the folder with the data sets")
    parser.add_argument("--only", choices=[*DATASETS, "speed", "daily"], help="this part alone")
    parser.add_argument("--quick", action="store_true", help="a look: few epochs, no MovieLens, no days unless --only daily, nothing is judged")
    parser.add_argument("--reuse", type=Path, metavar="DIR", help="take references' figures from the JSON files of an earlier run's folder")
    parser.add_argument("--minutes", type=float, default=180, help="at most, for each of the MovieLens references")
    parser.add_argument("--rounds", type=int, default=3, help="of the race; medians are shown")
    parser.add_argument("--days", type=int, default=3, help="that a model learns while running, one after the other")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of every training")
    parser.add_argument("--intentd", type=Path, default=ROOT / ".build/release/intentd", help="the program")
    parser.add_argument("--out", type=Path, metavar="DIR", help="for models, logs, quality.json and quality.md; without it, a new temporary folder")
    return parser.parse_args(arguments)


def measure(session: Session, chosen: list[DataSet]) -> tuple[dict, list[str]]:
    """Everything that was asked for, as data and as sections of the report."""
    options = session.options
    result: dict = {"machine": machine(), "threads": options.threads, "quick": options.quick, "quality": {}, "races": []}
    sections = []
    for dataset in chosen:
        rows: list[Row] = []
        if dataset.key == "ml-1m":
            without_last(options.data / dataset.files[0], session.out / "ml-1m-without-test.txt")
        for model in (model for model in OURS if model.dataset == dataset.key):
            rows += session.attempt(session.ours, model) or []
        for reference in (reference for reference in REFERENCES if reference.dataset == dataset.key):
            row = session.attempt(session.reference, reference)
            rows += [] if row is None else [row]
        judged = [] if options.quick else verdicts(dataset, rows)
        result["quality"][dataset.key] = {"rows": [asdict(row) for row in rows], "verdicts": judged}
        sections.append(quality_table(dataset, rows, not options.quick))
    if wants(options, "speed"):
        races = [session.attempt(session.race, race, index) for index, race in enumerate(RACES)]
        races = [race for race in races if race is not None]
        result["races"] = [race | {"figures": race_figures(race)} for race in races]
        if races:
            sections.append(race_table(races, not options.quick))
    if wants(options, "daily"):
        done = session.attempt(measure_days, session)
        if done is not None:
            result["daily"], section = done
            sections.append(section)
    result["commands"], result["failures"] = [asdict(done) for done in session.commands], session.failures
    return result, sections


def main() -> int:
    """Measure, print, write; status 1 where a command failed."""
    options = parse()
    chosen = [dataset for dataset in DATASETS.values() if wants(options, dataset.key)]
    try:
        check(options, chosen)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    out = (options.out or Path(tempfile.mkdtemp(prefix="intentd-quality-"))).absolute()
    session = Session(options, out)
    result, sections = measure(session, chosen)
    text = report(result, sections)
    (out / "quality.json").write_text(json.dumps(result, indent=2) + "\n")
    (out / "quality.md").write_text(text)
    print(text)
    print(f"models, logs, quality.json, quality.md: {out}", file=sys.stderr)
    return 1 if session.failures else 0


if __name__ == "__main__":
    sys.exit(main())
