"""Train SASRec (Kang & McAuley 2018) in plain PyTorch, and write a model directory.

    python tools/reference/train_sasrec.py TRAIN.tsv --out DIR [--evaluate TEST.tsv]

Start-aligned positions, pre-LN, tied output, softmax cross-entropy over all items.
"""

from __future__ import annotations

from intentd_reference import run, training_parser
from models import SASRec


def main() -> None:
    """The command line."""
    parser = training_parser(__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--max-length", type=int, default=20, help="the longest window")
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--ffn-size", type=int, default=512)
    parser.add_argument("--dropout", type=float, default=0.4)
    o = parser.parse_args()
    run(o, lambda items: SASRec(items, o.max_length, o.hidden_size, o.blocks, o.heads, o.ffn_size, o.dropout))


if __name__ == "__main__":
    main()
