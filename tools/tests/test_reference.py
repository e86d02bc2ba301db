"""The reference trainers: serving windows in training, and a model that survives its directory."""

from pathlib import Path

import pytest
import torch

import evaluate
import intentd_reference as reference
from models import GRU4Rec, SASRec, SessionModel, load_model, write_model
from sessions import make_catalogue, read_sessions, to_rows
from windows import UNKNOWN


def test_sessions_are_put_in_order_of_time(tmp_path: Path) -> None:
    file = tmp_path / "a.tsv"
    file.write_text("SessionId\tItemId\tTime\n7\tb\t2.5\n9\tc\t1\n7\ta\t1.0\n7\td\t2.5\n")
    sessions = read_sessions(file)
    assert sessions == [["a", "b", "d"], ["c"]]
    assert make_catalogue(sessions) == ["a", "b", "d", "c"]
    assert to_rows(sessions, ["d", "a"]) == [[1, UNKNOWN, 0], [UNKNOWN]]


def test_each_target_is_learnt_once_in_its_serving_window() -> None:
    ignored = reference.IGNORED
    examples = reference.make_examples([list(range(8)), [4], [5, 6]], 5)
    assert [(e.rows, e.targets) for e in examples] == [
        ([0, 1, 2, 3, 4], [1, 2, 3, 4, 5]),
        ([3, 4, 5, 6], [ignored, ignored, 6, 7]),
        ([5], [6]),
    ]


MODELS = [
    lambda: SASRec(12, max_length=5, size=16, blocks=2, heads=2, ffn_size=20, dropout=0.5),
    lambda: GRU4Rec(12, max_length=5, embedding_size=8, layers=2, hidden_size=9, dropout=0.5),
]


@pytest.mark.parametrize("make", MODELS)
def test_a_model_survives_its_directory(make, tmp_path: Path) -> None:
    torch.manual_seed(3)
    model: SessionModel = make().eval()
    write_model(tmp_path, model, [f"i{row}" for row in range(12)], {})
    loaded, catalogue = load_model(tmp_path)
    rows = torch.tensor([[1, 2, 11, 2, 0]])
    assert torch.equal(model(rows), loaded(rows))
    assert catalogue[11] == "i11"


@pytest.mark.parametrize("make", MODELS)
def test_evaluation_asks_for_the_serving_windows(make) -> None:
    torch.manual_seed(3)
    model: SessionModel = make().eval()
    session = [1, 2, 3, UNKNOWN, 5, 6, 7]
    questions = evaluate.make_questions([session], model.config())
    windows = [[1], [1, 2], [1, 2, 3], [1, 2, 3], [1, 2, 3, 5], [5, 6]]
    assert [question.window for question in questions] == windows
    assert [question.target for question in questions] == [2, 3, UNKNOWN, 5, 6, 7]
    ranks = evaluate.find_ranks(model, questions)
    assert ranks[2] is None
    scores = model.scores(model(torch.tensor([[5, 6]])))[0, -1]
    assert ranks[5] == int((scores > scores[7]).sum()) + 1
