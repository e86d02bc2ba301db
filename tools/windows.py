"""Which events of a session a model sees: the window rule of docs/model-directory.md."""

from __future__ import annotations

from typing import NamedTuple, Sequence

UNKNOWN = -1
"""The row of an item that is not in the catalogue."""


class Segment(NamedTuple):
    """Consecutive events whose serving windows all begin at `start`.

    `start`, `end`: the events, from 0, `end` exclusive. `first`: the first event that is
    predicted from here; the events between `start` and `first` are context only.
    """

    start: int
    end: int
    first: int


def serving_size(event: int, max_length: int) -> int:
    """Events in the window of event number `event` (from 1) for a model that is served incrementally."""
    if event <= max_length:
        return event
    keep = (max_length + 1) // 2
    return keep + (event - max_length - 1) % (max_length - keep + 1)


def recompute_size(event: int, max_length: int) -> int:
    """The same for a model that is served in recompute mode: the newest `max_length` events."""
    return min(event, max_length)


def is_incremental(config: dict) -> bool:
    """Whether a new click leaves earlier results as they are ("Incremental and recompute")."""
    if config.get("padding", "none") != "none":
        return False
    return config["architecture"] != "sasrec" or config["positions"] != "end"


def window_size(event: int, config: dict) -> int:
    """Events in the window of event number `event` (from 1) for the model of `config`."""
    size = serving_size if is_incremental(config) else recompute_size
    return size(event, config["max_length"])


def window_rows(session: Sequence[int], event: int, config: dict) -> list[int]:
    """The rows that the encoder sees for event number `event` (from 1): the window's known items, oldest first.

    Unknown events take their place in the window, and are then left out.
    """
    newest = session[event - window_size(event, config) : event]
    return [row for row in newest if row != UNKNOWN]


def serving_segments(length: int, max_length: int) -> list[Segment]:
    """Cut a session of `length` events into runs of serving windows with the same beginning.

    Each event is predicted in exactly one segment, so a model that is trained on these
    segments, with a loss from `first` on, sees each target once, in its serving context.
    """
    segments: list[Segment] = []
    for event in range(1, length + 1):
        start = event - serving_size(event, max_length)
        if segments and segments[-1].start == start:
            segments[-1] = segments[-1]._replace(end=event)
        else:
            segments.append(Segment(start, event, event - 1))
    return segments
