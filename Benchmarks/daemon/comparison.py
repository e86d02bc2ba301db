"""Whether two workers predicted the same for the same clicks."""

from __future__ import annotations

import json
from typing import Iterable

Place = tuple[int, int]
"""Partition and offset of a click."""


def by_place(values: Iterable[bytes]) -> dict[Place, list[str]]:
    """The items of each prediction, by the click that it was made for."""
    result = {}
    for value in values:
        prediction = json.loads(value)
        source = prediction["source"]
        result[source["partition"], source["offset"]] = [each["item"] for each in prediction["predictions"]]
    return result


def agreement(ours: dict[Place, list[str]], theirs: dict[Place, list[str]]) -> dict:
    """How far two workers predicted the same for the same clicks: the share with the same items in any order, the share in the same order,
    and the share of items that are in both."""
    common = ours.keys() & theirs.keys()
    if not common:
        raise ValueError("no click was predicted by both")
    pairs = [(ours[place], theirs[place]) for place in common]
    return {
        "clicks": len(pairs),
        "same_set": sum(set(a) == set(b) for a, b in pairs) / len(pairs),
        "same_order": sum(a == b for a, b in pairs) / len(pairs),
        "overlap": sum(len(set(a) & set(b)) for a, b in pairs) / max(1, sum(len(a) for a, _ in pairs)),
    }
