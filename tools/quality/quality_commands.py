"""What is run, and what is to be reached: the commands and targets of `make quality`, in one place.

`{intentd}`, `{python}`, `{reference}` (tools/reference), `{data}`, `{out}` (a model directory to write), `{json}` (figures to write), `{work}`
(a temporary folder), `{threads}` and `{minutes}` are filled in by the driver.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSet:
    """Files that are looked for, the figures that are shown, and the figures that our best model is to reach."""

    key: str
    title: str
    files: tuple[str, ...]
    measures: tuple[str, str]
    targets: tuple[float, float]
    must_beat_references: bool


@dataclass(frozen=True)
class Ours:
    """A model of ours: how it is trained and evaluated. `key` names its files; `quick` is added to the training for a quick look."""

    dataset: str
    key: str
    name: str
    train: str
    evaluate: str
    quick: str = "--epochs 2"


@dataclass(frozen=True)
class Reference:
    """A PyTorch reference. `key` names its JSON files; `expected` are figures that were once measured or published."""

    dataset: str
    key: str
    name: str
    train: str
    quick: str
    expected: tuple[float, float] | None = None


@dataclass(frozen=True)
class Race:
    """The same architecture, batch size, epochs and loss in both: training time side by side."""

    name: str
    ours: str
    reference: str


DATASETS = {
    "yoochoose": DataSet(
        "yoochoose",
        "Yoochoose-100k: every test click after a session's first, all items ranked",
        ("yoochoose-100k/train.tsv", "yoochoose-100k/test.tsv"),
        ("HR@20", "MRR@20"),
        (0.705, 0.378),
        must_beat_references=False,
    ),
    "ml-1m": DataSet(
        "ml-1m",
        "MovieLens-1M: the last item of every user, items seen before excluded",
        ("ml-1m/sequences.txt",),
        ("HR@10", "NDCG@10"),
        (0.310, 0.180),
        must_beat_references=True,
    ),
}

# The settings of our models.
SETTINGS = {
    "yoochoose-intentd": "--arch sasrec --preset best",
    "yoochoose-intentd-gru4rec": "--arch gru4rec --preset best",
    "yoochoose-intentd-lstm": "--arch lstm --preset best",
    "ml-1m-intentd": "--arch sasrec --preset best --max-length 200 --select-by ndcg@10",
}

TRAIN_YOOCHOOSE = "{intentd} train {data}/yoochoose-100k/train.tsv --threads {threads} --out {out} "
EVALUATE_YOOCHOOSE = "{intentd} --replay {data}/yoochoose-100k/test.tsv --model {out} --evaluate --report {json}"
TRAIN_ML_1M = "{intentd} train {work}/ml-1m-without-test.txt --format sequences --validation leave-one-out --threads {threads} --out {out} "
EVALUATE_ML_1M = (
    "{intentd} --replay {data}/ml-1m/sequences.txt --format sequences --model {out} --evaluate --targets last --exclude seen-all --report {json}"
)

# Baselines are evaluated beside the first model of a data set.
OURS = (
    Ours(
        "yoochoose",
        "yoochoose-intentd",
        "intentd train, SASRec",
        TRAIN_YOOCHOOSE + SETTINGS["yoochoose-intentd"],
        EVALUATE_YOOCHOOSE + " --baselines all --baseline-train {data}/yoochoose-100k/train.tsv",
    ),
    Ours(
        "yoochoose",
        "yoochoose-intentd-gru4rec",
        "intentd train, GRU4Rec",
        TRAIN_YOOCHOOSE + SETTINGS["yoochoose-intentd-gru4rec"],
        EVALUATE_YOOCHOOSE,
    ),
    Ours(
        "yoochoose",
        "yoochoose-intentd-lstm",
        "intentd train, LSTM",
        TRAIN_YOOCHOOSE + SETTINGS["yoochoose-intentd-lstm"],
        EVALUATE_YOOCHOOSE,
    ),
    Ours(
        "ml-1m",
        "ml-1m-intentd",
        "intentd train, SASRec",
        TRAIN_ML_1M + SETTINGS["ml-1m-intentd"],
        EVALUATE_ML_1M + " --baselines all --baseline-train {work}/ml-1m-without-test.txt",
    ),
)

YOOCHOOSE = "{data}/yoochoose-100k/train.tsv --evaluate {data}/yoochoose-100k/test.tsv --threads {threads} --out {out} --json {json}"
SEQUENCES = "{data}/ml-1m/sequences.txt --minutes {minutes} --threads {threads} --out {out} --json {json}"

REFERENCES = (
    Reference(
        "yoochoose",
        "yoochoose-sasrec",
        "PyTorch SASRec, full softmax",
        "{python} {reference}/train_sasrec.py " + YOOCHOOSE,
        "--epochs 2",
        (0.6928, 0.3699),
    ),
    Reference(
        "yoochoose",
        "yoochoose-gru4rec",
        "PyTorch GRU4Rec, full softmax",
        "{python} {reference}/train_gru4rec.py " + YOOCHOOSE,
        "--epochs 2",
    ),
    Reference(
        "yoochoose",
        "yoochoose-gru4rec-parallel",
        "PyTorch GRU4Rec, session-parallel, published settings",
        "{python} {reference}/train_gru4rec_parallel.py " + YOOCHOOSE,
        "--epochs 1",
        (0.6215, 0.3033),
    ),
    Reference(
        "ml-1m",
        "ml-1m-gsasrec",
        "PyTorch gSASRec, published method",
        "{python} {reference}/train_leave_one_out.py --method gsasrec " + SEQUENCES,
        "--epochs 2",
        (0.3003, 0.1726),
    ),
    Reference(
        "ml-1m",
        "ml-1m-sasrec",
        "PyTorch SASRec, published method",
        "{python} {reference}/train_leave_one_out.py --method sasrec --validate-every 4 " + SEQUENCES,
        "--epochs 2",
        (0.2392, 0.1259),
    ),
)


@dataclass(frozen=True)
class Daily:
    """Learning while running: the first training, with its search; continuing with a day; training again, for as many epochs as the first took.

    `{before}`, `{today}`, `{older}` and `{next}` are files of days, `{model}` is the model that is continued or evaluated, `{best}` the epochs.
    """

    dataset: str
    first: str
    quick: str
    continued: str
    again: str
    evaluate: str
    quality_share: float
    time_share: float


DAILY = Daily(
    "yoochoose",
    "{intentd} train {before} --preset best --validation 1d --threads {threads} --report {json} --out {out}",
    "--epochs 2",
    # Found on the first three days and halves of them, none of which the run evaluates.
    "{intentd} train {today} --continue {model} --replay-older {older} --replay-share 2.5 --validation none --epochs 4 --learning-rate 3e-3"
    " --schedule constant --averaging 0.99 --threads {threads} --report {json} --out {out}",
    "{intentd} train {before} --preset best --validation none --epochs {best} --threads {threads} --report {json} --out {out}",
    "{intentd} --replay {next} --model {model} --evaluate --report {json}",
    quality_share=0.98,
    time_share=0.1,
)

RACE_EPOCHS = 3
RACE_TARGET, RACE_HOPE = 1.0, 1.5
"""How many times the reference's speed ours must have, and is hoped to have."""

# Everything that a preset could set otherwise is named.
SAME = (
    "{intentd} train {data}/yoochoose-100k/train.tsv --loss softmax --label-smoothing 0 --batching windows --batch-size 128"
    " --epochs {epochs} --patience 0 --optimizer adamw --learning-rate 1e-3 --schedule constant --warm-up 0 --weight-decay 0.01"
    " --clip-norm 0 --averaging 0 --dropout 0.4 --validation none --no-refit --threads {threads} --out {out}"
)
THEIRS = "{data}/yoochoose-100k/train.tsv --batch-size 128 --epochs {epochs} --dropout 0.4 --threads {threads} --out {out}"

RACES = (
    Race(
        "SASRec, d 128, 2 blocks, 2 heads, ffn 512, L 20",
        SAME + " --arch sasrec --hidden-size 128 --blocks 2 --heads 2 --ffn-size 512 --positions start --max-length 20",
        "{python} {reference}/train_sasrec.py " + THEIRS + " --hidden-size 128 --blocks 2 --heads 2 --ffn-size 512 --max-length 20",
    ),
    Race(
        "GRU4Rec, d 128, 1 layer, L 50",
        SAME + " --arch gru4rec --layers 128 --embedding-size 128 --max-length 50",
        "{python} {reference}/train_gru4rec.py " + THEIRS + " --hidden-size 128 --embedding-size 128 --max-length 50",
    ),
)
