"""The command line: `python -m intentd_import SOURCE --from FORMAT --out DIR`."""

from __future__ import annotations

import math
import os
import shutil
import sys
import tempfile
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any, Callable, NamedTuple, NoReturn, Sequence

import torch

from . import gru4rec_official, recbole_formats
from .attention_formats import read_gsasrec, read_pmixer
from .checkpoint import Checkpoint, read_checkpoint
from .failures import ImportFailure, UsageFailure
from .foreign import Foreign, Options
from .keras_format import read_keras_checkpoint, read_keras_lstm
from .model_directory import check_items, read_items, write_directory, write_metrics
from .parity import LIMIT, Parity, check_parity, find_binary, run_inspect
from .serving import is_incremental, window_difference
from .tensors import Tensors
from .torch_formats import read_torch_lstm, read_torch_transformer


class Format(NamedTuple):
    """A format: how its model is read, which questions it has, and how its file is opened."""

    read: Callable[[Tensors, Options, dict], Foreign]
    questions: frozenset[str] = frozenset()
    weights: Callable[[Checkpoint], dict] = Checkpoint.state
    extra: Callable[[Checkpoint], dict] = lambda checkpoint: checkpoint.extra
    open: Callable[[Path, bool], Checkpoint] = read_checkpoint


LSTM = frozenset({"padding", "output_offset", "first_item", "max_length"})
FORMATS = {
    "gru4rec-official": Format(
        gru4rec_official.read_gru4rec_official, frozenset({"max_length"}), gru4rec_official.weights, gru4rec_official.vocabulary
    ),
    "pmixer": Format(read_pmixer, frozenset({"variant", "norm_first", "heads"})),
    "gsasrec": Format(read_gsasrec, frozenset({"heads"})),
    "recbole-sasrec": Format(
        recbole_formats.read_recbole_sasrec, frozenset({"heads", "activation", "layer_norm_epsilon"}),
        recbole_formats.weights, recbole_formats.configuration,
    ),
    "recbole-gru4rec": Format(
        recbole_formats.read_recbole_gru4rec, frozenset({"max_length"}), recbole_formats.weights, recbole_formats.configuration
    ),
    "torch-transformer": Format(
        read_torch_transformer,
        frozenset({"heads", "padding", "output_offset", "norm_first", "activation", "layer_norm_epsilon", "scale_embedding"}),
    ),
    "torch-lstm": Format(read_torch_lstm, LSTM),
    "keras-lstm": Format(read_keras_lstm, LSTM, open=read_keras_checkpoint),
}
QUESTIONS = sorted(frozenset().union(*(each.questions for each in FORMATS.values())))


class Parser(ArgumentParser):
    """Ends with 64 where the command line is wrong."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        print(f"intentd_import: {message}; --help says more", file=sys.stderr)
        sys.exit(UsageFailure.status)


def parser() -> Parser:
    """The command line's grammar."""
    made = Parser(
        prog="python -m intentd_import", formatter_class=RawDescriptionHelpFormatter, description=__doc__,
        epilog="What each format asks, and why: docs/bring-your-model.md. Exit status: 0 written, 1 failed, 64 wrong usage.",
        allow_abbrev=False,
    )
    made.add_argument("source", type=Path, metavar="SOURCE", help="the checkpoint")
    made.add_argument("--from", dest="format", required=True, choices=sorted(FORMATS), help="what wrote it")
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model directory to make; must not exist")
    made.add_argument("--items", type=Path, metavar="FILE", help="external ids, one a line, in the order of item numbers")
    made.add_argument("--name", help="name of the model (the directory's)")
    made.add_argument("--trust", action="store_true", help="read a pickle that is more than tensors, its classes as stubs")
    asked = made.add_argument_group("questions that a checkpoint can leave open")
    asked.add_argument("--variant", choices=["A", "B", "C"], type=str.upper, help="version of pmixer's code")
    asked.add_argument("--norm-first", "--norm_first", action="store_true", default=None, help="LayerNorm before each part")
    asked.add_argument("--heads", type=positive, metavar="N", help="attention heads")
    asked.add_argument("--activation", choices=["relu", "gelu"], help="of the feed-forward part")
    asked.add_argument("--layer-norm-epsilon", type=float, metavar="X", help="of every LayerNorm")
    asked.add_argument("--scale-embedding", action="store_true", default=None, help="embeddings were multiplied by √d")
    asked.add_argument(
        "--padding", choices=["none", "right", "left-masked", "left-attended", "left-attended-positioned"],
        help="where padding stood in training, and whether the model saw it",
    )
    asked.add_argument("--output-offset", type=int, choices=[0, 1], help="column j of the output is item j (0) or j + 1 (1)")
    asked.add_argument("--first-item", type=int, choices=[0, 1], help="the embedding's first row that is an item")
    asked.add_argument("--max-length", type=positive, metavar="N", help="longest window, where the model has none")
    check = made.add_argument_group("parity check")
    check.add_argument("--intentd", type=Path, metavar="PATH", help="the daemon (.build/release/intentd, else the PATH's)")
    check.add_argument("--seed", type=int, default=1, help="of the random sessions (1)")
    check.add_argument("--skip-parity", action="store_true", help="write the model even where there is no intentd to check it with")
    return made


def positive(text: str) -> int:
    """A whole number from 1."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def read_model(arguments: Namespace) -> Foreign:
    """The source's model, every question answered."""
    chosen = FORMATS[arguments.format]
    answers: dict[str, Any] = {name: getattr(arguments, name) for name in QUESTIONS}
    for name, value in answers.items():
        if value is not None and name not in chosen.questions:
            raise UsageFailure(f"--{name.replace('_', '-')} is no question of --from {arguments.format}")
    epsilon = answers.get("layer_norm_epsilon")
    if epsilon is not None and not 1e-12 <= epsilon <= 0.1:
        raise UsageFailure(f"--layer-norm-epsilon {epsilon} is out of bounds: 1e-12 to 0.1")
    checkpoint = chosen.open(arguments.source, arguments.trust)
    foreign = chosen.read(
        Tensors(chosen.weights(checkpoint)), Options(arguments.source, arguments.format, answers), chosen.extra(checkpoint)
    )
    if not foreign.numbers:
        raise ImportFailure("the checkpoint has no items")
    return foreign


def item_ids(arguments: Namespace, foreign: Foreign) -> tuple[list[str], str]:
    """The external ids, and where they are from."""
    count = len(foreign.numbers)
    if arguments.items is not None:
        return read_items(arguments.items, count), f"from {arguments.items}"
    if foreign.items is not None:
        if len(foreign.items) != count:
            raise ImportFailure(f"the checkpoint's own item map has {len(foreign.items)} ids, its matrices {count} items")
        check_items(foreign.items, "the checkpoint's own item map")
        return foreign.items, "the checkpoint's own"
    if foreign.lost_items is not None:
        raise ImportFailure(foreign.lost_items)
    numbers = foreign.numbers
    return [str(number) for number in numbers], (
        f"NONE GIVEN: the source's own numbers, {numbers[0]} to {numbers[-1]}, are the ids that clicks must have (--items FILE)"
    )


def say(text: str) -> None:
    """For people: standard error."""
    print(text, file=sys.stderr, flush=True)


def checked(arguments: Namespace, folder: Path, foreign: Foreign, items: list[str]) -> Parity | None:
    """Parity of what was written; None where it was skipped."""
    binary = find_binary(arguments.intentd)
    if binary is None:
        if not arguments.skip_parity:
            raise ImportFailure(
                "PARITY WAS NOT CHECKED, and nothing was written: there is no intentd here. Build it "
                "(swift build -c release --product intentd), name it (--intentd PATH), or say --skip-parity"
            )
        say("parity    NOT CHECKED: there is no intentd here (--skip-parity)")
        return None
    parity = check_parity(binary, folder, foreign, foreign.config, items, arguments.seed)
    say(
        f"parity    {parity.error:.2g} at most, relative to max(1, largest |score|): {parity.events} events of "
        f"{parity.sessions} random session{'s' if parity.sessions > 1 else ''}, {parity.scores} scores of each"
    )
    if not (math.isfinite(parity.error) and parity.error <= LIMIT):
        raise ImportFailure(
            f"parity: scores differ from the source's by {parity.error:.2g}, and {LIMIT} is the limit; nothing was written"
        )
    return parity


def make_metrics(arguments: Namespace, foreign: Foreign, parity: Parity | None) -> dict:
    """What `metrics.json` says of the import."""
    metrics: dict[str, Any] = {"imported_from": arguments.format, "source": arguments.source.name}
    metrics["parity_checked"] = parity is not None
    if parity is not None:
        metrics |= {"parity_error": parity.error, "parity_sessions": parity.sessions, "parity_events": parity.events}
    return metrics | {"beyond_longest_window": window_difference(foreign.config, foreign.source_window)}


def publish(folder: Path) -> None:
    """Gives `folder` and its files the rights that new ones have: temporary folders and safetensors' files are private."""
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
    for file in folder.iterdir():
        file.chmod(0o666 & ~mask)


def run(arguments: Namespace) -> None:
    """Reads, writes beside the goal, checks, and moves it there as the last step."""
    out: Path = arguments.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ImportFailure(f"{out} exists already; remove it, or choose another --out")
    foreign = read_model(arguments)
    items, origin = item_ids(arguments, foreign)
    say(f"source    {arguments.source} ({arguments.format})")
    for note in foreign.notes:
        say(f"          {note}")
    say(f"items     {len(items)}, ids {origin}")
    say(f"serving   {'incremental' if is_incremental(foreign.config) else 'recompute'}, longest window {foreign.config['max_length']}")
    say(f"beyond it {window_difference(foreign.config, foreign.source_window)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        write_directory(folder, foreign, items, arguments.name)
        parity = checked(arguments, folder, foreign, items)
        write_metrics(folder, make_metrics(arguments, foreign, parity))
        if parity is not None:
            run_inspect(find_binary(arguments.intentd), folder)
        publish(folder)
        folder.rename(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"written   {out}")


def main(command: Sequence[str] | None = None) -> int:
    """The exit status."""
    arguments = parser().parse_args(command)
    # Sessions go through one by one: threads would only wait for each other.
    torch.set_num_threads(1)
    try:
        run(arguments)
    except ImportFailure as failure:
        say(f"intentd_import: {failure}")
        return failure.status
    except OSError as error:
        say(f"intentd_import: {error}")
        return ImportFailure.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
