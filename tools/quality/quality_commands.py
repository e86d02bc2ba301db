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
    """A model of ours: how it is trained and evaluated. `quick` is added to the training for a quick look."""

    dataset: str
    name: str
    train: str
    evaluate: str
    quick: str


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

OURS = (
    Ours(
        "yoochoose",
        "intentd train --preset best",
        "{intentd} train {data}/yoochoose-100k/train.tsv --preset best --threads {threads} --out {out}",
        "{intentd} --replay {data}/yoochoose-100k/test.tsv --model {out} --evaluate"
        " --baselines all --baseline-train {data}/yoochoose-100k/train.tsv --report {json}",
        "--epochs 2",
    ),
    Ours(
        "ml-1m",
        "intentd train --preset best",
        "{intentd} train {work}/ml-1m-without-test.txt --format sequences --validation leave-one-out --preset best"
        " --max-length 200 --select-by ndcg@10 --threads {threads} --out {out}",
        "{intentd} --replay {data}/ml-1m/sequences.txt --format sequences --model {out} --evaluate --targets last"
        " --exclude seen --baselines all --baseline-train {work}/ml-1m-without-test.txt --report {json}",
        "--epochs 2",
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
