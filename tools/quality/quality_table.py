"""The tables of `make quality`, and what was reached."""

from __future__ import annotations

from statistics import median

from quality_commands import RACE_HOPE, RACE_TARGET, DataSet
from quality_runs import Row


def markdown(head: list[str], lines: list[list[str]]) -> str:
    """A table with aligned columns, the first one to the left, the others to the right."""
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]

    def show(cells: list[str]) -> str:
        return "| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths))) + " |"

    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([show(head), rule, *map(show, lines)]) + "\n"


def number(value: float | None, places: int = 4) -> str:
    """A figure, or a dash."""
    return "–" if value is None else f"{value:.{places}f}"


def bars(dataset: DataSet, rows: list[Row]) -> list[tuple[str, str, float]]:
    """What our best model is held against: name, measure, figure to reach (targets) or to exceed (references)."""
    result = [("target", measure, value) for measure, value in zip(dataset.measures, dataset.targets)]
    if dataset.must_beat_references:
        references = [row for row in rows if row.kind == "reference"]
        result += [(row.name, measure, row.figures[measure]) for row in references for measure in dataset.measures]
    return result


def verdicts(dataset: DataSet, rows: list[Row]) -> list[dict]:
    """Each bar, and whether our best model (by the first measure) reached it. Targets are to be reached, references to be exceeded."""
    ours = [row for row in rows if row.kind == "ours"]
    if not ours:
        return []
    best = max(ours, key=lambda row: row.figures[dataset.measures[0]])
    result = []
    for name, measure, bound in bars(dataset, rows):
        value = best.figures[measure]
        reached = value >= bound if name == "target" else value > bound
        result.append({"bar": name, "measure": measure, "bound": bound, "measured": value, "reached": reached})
    return result


def quality_table(dataset: DataSet, rows: list[Row], judged: bool) -> str:
    """The table of a data set, and under it what was reached."""
    first, second = dataset.measures
    head = ["model", first, second, "training s", "process s", "once measured or published"]
    lines = []
    for row in sorted(rows, key=lambda row: ("ours", "reference", "baseline").index(row.kind)):
        expected = "–" if row.expected is None else f"{row.expected[0]:.4f} / {row.expected[1]:.4f}"
        name = row.name + "".join(f" ({note})" for note in row.notes)
        lines.append([name, number(row.figures[first]), number(row.figures[second]), number(row.seconds, 0), number(row.process, 0), expected])
    text = f"### {dataset.title}\n\n{markdown(head, lines)}\n"
    text += "\nTraining s: of the epochs that made the weights; process s: of the whole process, with reading, a search for the epochs, evaluation.\n"
    if not judged:
        return text + "A quick look: nothing is judged by it.\n"
    for verdict in verdicts(dataset, rows):
        relation = "at least" if verdict["bar"] == "target" else "above"
        name = "" if verdict["bar"] == "target" else f"{verdict['bar']}, "
        said = "reached" if verdict["reached"] else "missed"
        text += f"* {verdict['measure']} {relation} {name}{verdict['bound']:.4f}: {verdict['measured']:.4f}, {said}\n"
    if not any(row.kind == "ours" for row in rows):
        text += "* None of our models was evaluated, so nothing is judged.\n"
    return text


def race_figures(race: dict) -> dict:
    """Medians of a race's rounds, and how many times the reference's speed ours has: of the training alone, and of whole processes."""
    result = {}
    for kind in ("training", "process"):
        ours, theirs = (median(entry[kind] for entry in race[side]) for side in ("ours", "reference"))
        result[kind] = {"ours": ours, "reference": theirs, "ratio": theirs / ours}
    return result


def race_table(races: list[dict], judged: bool) -> str:
    """Training times side by side."""
    head = ["the same in both", "rounds", "ours s", "PyTorch s", "times as fast", "whole process s", "times as fast"]
    lines, said = [], []
    for race in races:
        figures = race_figures(race)
        training, process = figures["training"], figures["process"]
        both = f"{process['ours']:.1f} / {process['reference']:.1f}"
        lines.append(
            [race["name"], str(len(race["ours"])), number(training["ours"], 1), number(training["reference"], 1)]
            + [number(training["ratio"], 2), both, number(process["ratio"], 2)]
        )
        verdict = "reached" if training["ratio"] >= RACE_TARGET else "missed"
        hope = "reached" if training["ratio"] >= RACE_HOPE else "missed"
        said.append(f"* {race['name']}: {training['ratio']:.2f} times as fast; at least {RACE_TARGET}: {verdict}; {RACE_HOPE}: {hope}")
    title = "### Training time: same architecture, batch size, epochs and full softmax; medians of alternating runs"
    return f"{title}\n\n{markdown(head, lines)}\n" + ("\n".join(said) + "\n" if judged else "A quick look: nothing is judged by it.\n")


def report(result: dict, sections: list[str]) -> str:
    """The whole run in Markdown."""
    about = result["machine"]
    parts = [
        f"{about['date']}: {about['cpu']}, {about['cores']} cores, load {about['load']:.2f} before the run; {about['system']}.",
        f"intentd {about['commit']}; {about['swift']}; Python {about['python']}, torch {about['torch']}; threads: {result['threads']}.\n",
        *sections,
    ]
    for failure in result["failures"]:
        parts.append(f"**Failed:** {failure}\n")
    parts.append("Commands, in this order:\n")
    parts += [f"    {entry['command']}    # {entry['began']}, {entry['seconds']:.1f} s" for entry in result["commands"]]
    return "\n".join(parts) + "\n"
