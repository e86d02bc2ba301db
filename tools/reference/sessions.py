"""Reading sessions, and items as rows of a catalogue."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from windows import UNKNOWN

Sessions = list[list[str]]


def read_sessions(path: Path) -> Sessions:
    """The sessions of a TSV file with the columns SessionId, ItemId and Time.

    Sessions come in the order of their first line, events in the order of time; events of the
    same time in the order of the file.
    """
    events: dict[str, list[tuple[float, str]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file, delimiter="\t"):
            events.setdefault(line["SessionId"], []).append((float(line["Time"]), line["ItemId"]))
    return [[item for _, item in sorted(session, key=lambda event: event[0])] for session in events.values()]


def make_catalogue(sessions: Sessions) -> list[str]:
    """All items, in the order in which they appear."""
    return list(dict.fromkeys(item for session in sessions for item in session))


def to_rows(sessions: Sessions, catalogue: list[str]) -> list[list[int]]:
    """Item ids as rows of the catalogue."""
    row_of = {item: row for row, item in enumerate(catalogue)}
    return [[row_of.get(item, UNKNOWN) for item in session] for session in sessions]
