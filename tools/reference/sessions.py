"""Reading sessions, and items as rows of a catalogue."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from windows import UNKNOWN

Sessions = list[list[str]]


def read_events(path: Path) -> list[list[tuple[float, str]]]:
    """The sessions of a TSV file with the columns SessionId, ItemId and Time, as times and items.

    Sessions come in the order of their first line, events in the order of time; events of the
    same time in the order of the file.
    """
    events: dict[str, list[tuple[float, str]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file, delimiter="\t"):
            events.setdefault(line["SessionId"], []).append((float(line["Time"]), line["ItemId"]))
    return [sorted(session, key=lambda event: event[0]) for session in events.values()]


def read_sessions(path: Path) -> Sessions:
    """The same, items alone."""
    return [[item for _, item in session] for session in read_events(path)]


def read_sessions_by_time(path: Path) -> Sessions:
    """The same, sessions in the order of their first event's time."""
    ordered = sorted(read_events(path), key=lambda session: session[0][0])
    return [[item for _, item in session] for session in ordered]


def make_catalogue(sessions: Sessions) -> list[str]:
    """All items, in the order in which they appear."""
    return list(dict.fromkeys(item for session in sessions for item in session))


def to_rows(sessions: Sessions, catalogue: list[str]) -> list[list[int]]:
    """Item ids as rows of the catalogue."""
    row_of = {item: row for row, item in enumerate(catalogue)}
    return [[row_of.get(item, UNKNOWN) for item in session] for session in sessions]
