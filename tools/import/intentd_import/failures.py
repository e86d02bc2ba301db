"""What can go wrong, in two kinds: a wrong call, and a checkpoint that can't be imported."""

from __future__ import annotations


class ImportFailure(Exception):
    """The checkpoint can't be imported, or its import was found wrong. Exit status 1."""

    status = 1


class UsageFailure(ImportFailure):
    """Something is missing from the command line, or doesn't belong there. Exit status 64."""

    status = 64
