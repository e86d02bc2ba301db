"""Which events of a session a model sees when it is served: the window rule of docs/model-directory.md."""

from __future__ import annotations


def is_incremental(config: dict) -> bool:
    """Whether a new click leaves earlier results as they are."""
    if config.get("padding", "none") != "none":
        return False
    return config["architecture"] != "sasrec" or config["positions"] != "end"


def window_size(event: int, config: dict) -> int:
    """Events in the window of event number `event` (from 1)."""
    longest = config["max_length"]
    if event <= longest:
        return event
    if not is_incremental(config):
        return longest
    kept = (longest + 1) // 2
    return kept + (event - longest - 1) % (longest - kept + 1)


def window_difference(config: dict, source: str) -> str:
    """What `metrics.json` says of sessions beyond the longest window. `source`: "newest" or "whole session"."""
    longest = config["max_length"]
    served = f"the newest {(longest + 1) // 2} to {longest}" if is_incremental(config) else f"the newest {longest}"
    if source == "newest" and not is_incremental(config):
        return f"{served} items, as in the source"
    theirs = f"the newest {longest} items" if source == "newest" else "the whole session"
    return f"{served} items, the source sees {theirs}: scores differ after event {longest}"
