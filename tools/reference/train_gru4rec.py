"""Train GRU4Rec (Hidasi et al. 2016) in plain PyTorch, and write a model directory.

    python tools/reference/train_gru4rec.py TRAIN.tsv --out DIR [--evaluate TEST.tsv]

Item embeddings tied to the output, softmax cross-entropy over all items, whole sessions a step.
"""

from __future__ import annotations

from intentd_reference import run, training_parser
from models import GRU4Rec


def main() -> None:
    """The command line."""
    parser = training_parser(__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--max-length", type=int, default=50, help="the longest window")
    parser.add_argument("--embedding-size", type=int, default=128)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--hidden-size", type=int, default=128, help="of every layer")
    parser.add_argument("--dropout", type=float, default=0.4)
    o = parser.parse_args()
    run(o, lambda items: GRU4Rec(items, o.max_length, o.embedding_size, o.layers, o.hidden_size, o.dropout))


if __name__ == "__main__":
    main()
