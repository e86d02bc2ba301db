"""SASRec's and gSASRec's published methods: the split, the losses, the network, and that they learn."""

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

import leave_one_out
import train_leave_one_out
from models import write_model
from published import METHODS, PADDING, ByteDropout, PublishedSASRec, draw_negatives, gbce, gbce_beta


pytestmark = pytest.mark.usefixtures("one_thread")


def small(method: str, **changes: object) -> PublishedSASRec:
    """A model of 30 items with small settings."""
    torch.manual_seed(2)
    settings = replace(METHODS[method], size=16, max_length=6, dropout=0.0, negatives=4, batch_size=8)
    return PublishedSASRec(30, replace(settings, **changes))


def test_the_last_two_items_are_held_out(tmp_path: Path) -> None:
    file = tmp_path / "sequences.txt"
    file.write_text("a b c d\n\nb c\na  c b\n")
    assert leave_one_out.read_sequences(file) == [["a", "b", "c", "d"], ["b", "c"], ["a", "c", "b"]]
    split = leave_one_out.leave_one_out([[0, 1, 2, 3], [1, 2], [0, 2, 1]])
    assert (split.training, split.validation, split.test) == ([[0, 1], [0]], [2, 2], [3, 1])


def test_seen_items_do_not_compete_but_targets_do() -> None:
    scores = torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0], [5.0, 4.0, 3.0, 2.0, 1.0]])
    targets = torch.tensor([3, 4, 1])
    assert leave_one_out.rank_unseen(scores, [[0, 2], [0], [0, 1]], targets).tolist() == [2, 4, 1]


def test_ranks_do_not_depend_on_the_batch() -> None:
    model = small("gsasrec").eval()
    source = random.Random(1)
    histories = [[source.randrange(30) for _ in range(source.randrange(1, 12))] for _ in range(20)]
    targets = [source.randrange(30) for _ in histories]
    found = leave_one_out.find_ranks(model, histories, targets)
    for history, target, rank in zip(histories, targets, found):
        scores = model.scores(model(torch.tensor([history[-6:]]))[:, -1])[0]
        rivals = [item for item in range(30) if item not in history and scores[item] > scores[target]]
        assert rank == 1 + len([item for item in rivals if item != target])


@pytest.mark.parametrize("calibration", [0.0, 0.75, 1.0])
def test_gbce_is_its_formula(calibration: float) -> None:
    torch.manual_seed(1)
    positive, negative = torch.randn(7, dtype=torch.float64), torch.randn(7, 5, dtype=torch.float64)
    rate = 5 / 99
    beta = rate * (calibration * (1 - 1 / rate) + 1 / rate)
    total = 0.0
    for own, others in zip(positive.tolist(), negative.tolist()):
        powered = (1 / (1 + math.exp(-own))) ** beta
        total -= (math.log(powered) + sum(math.log(1 - 1 / (1 + math.exp(-other))) for other in others)) / 6
    assert gbce_beta(100, 5, calibration) == pytest.approx(beta)
    assert float(gbce(positive, negative, gbce_beta(100, 5, calibration))) == pytest.approx(total / 7, rel=1e-12)


def test_gbce_without_calibration_is_bce() -> None:
    assert gbce_beta(3416, 256, 0.0) == pytest.approx(1.0)
    assert gbce_beta(3416, 256, 1.0) == pytest.approx(256 / 3415)
    positive, negative = torch.tensor([0.5, -2.0]), torch.tensor([[1.0], [-1.0]])
    both = torch.cat([positive, negative[:, 0]])
    expected = F.binary_cross_entropy_with_logits(both, torch.tensor([1.0, 1.0, 0.0, 0.0]))
    assert float(gbce(positive, negative, 1.0)) == pytest.approx(float(expected), rel=1e-6)


def test_negatives_are_uniform_and_leave_out_the_own_items() -> None:
    seen = torch.zeros(2000, 10, dtype=torch.bool)
    seen[:, [2, 5, 7]] = True
    drawn = draw_negatives(seen, 4, True, torch.Generator().manual_seed(1))
    counts = torch.bincount(drawn.flatten(), minlength=10)
    assert counts[[2, 5, 7]].sum() == 0
    assert ((counts[counts > 0] - 8000 / 7).abs() < 5 * math.sqrt(8000 / 7)).all()
    free = draw_negatives(seen, 4, False, torch.Generator().manual_seed(1))
    assert (torch.bincount(free.flatten(), minlength=10) > 600).all()


def test_byte_dropout_keeps_the_mean() -> None:
    torch.manual_seed(4)
    dropout = ByteDropout(0.5)
    out = dropout(torch.ones(100, 1003))
    assert set(out.unique().tolist()) == {0.0, 2.0}
    assert float(out.mean()) == pytest.approx(1.0, abs=0.02)
    ones = torch.ones(3, 5)
    assert dropout.eval()(ones) is ones


def test_padding_and_the_future_make_no_difference() -> None:
    model = small("sasrec").eval()
    rows = torch.tensor([[PADDING, PADDING, 3, 4, 9], [1, 2, 3, 4, 5]])
    both = model(rows)
    assert torch.allclose(both[0, 2:], model(torch.tensor([[3, 4, 9]]))[0], atol=1e-6)
    changed = rows.clone()
    changed[1, 4] = 8
    assert torch.allclose(both[1, :4], model(changed)[1, :4], atol=1e-6)
    assert not torch.allclose(both[1, 4], model(changed)[1, 4], atol=1e-3)


def test_the_network_is_that_of_the_model_directory(tmp_path: Path) -> None:
    """`norm: query`, positions from the end and no out-projection, computed once more from the tensors that are written."""
    from safetensors.torch import load_file

    model = small("sasrec").eval()
    write_model(tmp_path, model, [f"i{row}" for row in range(30)], {})
    t = load_file(tmp_path / "model.safetensors")

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(x, (16,), t[f"{name}.weight"], t[f"{name}.bias"], 1e-8)

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]

    window = [3, 1, 4, 1]
    x = t["item_embedding.weight"][window] * 4 + t["position_embedding.weight"][2:6]
    for block in ("blocks.0", "blocks.1"):
        q = norm(x, f"{block}.attention_norm")
        query, key, value = (linear(y, f"{block}.attention.{n}") for n, y in (("query", q), ("key", x), ("value", x)))
        weights = torch.full((4, 4), -1e30).triu(1) + query @ key.T / 4
        x = q + weights.softmax(-1) @ value
        y = norm(x, f"{block}.ffn_norm")
        x = y + linear(linear(y, f"{block}.ffn.in").relu(), f"{block}.ffn.out")
    assert torch.allclose(norm(x, "final_norm"), model(torch.tensor([window]))[0], atol=1e-5)


def test_picked_scores_are_those_of_gathered_rows() -> None:
    """The two ways of scoring negatives, many and few, give the same loss."""
    group = ([0, 1], torch.tensor([[PADDING, 1, 2, 3], [4, 5, 6, 7]]))
    seen = leave_one_out.seen_matrix([[1, 2, 3], [4, 5, 6, 7]], 30)
    model = small("gsasrec")
    loss, positions = train_leave_one_out.group_loss(model, group, seen, torch.Generator().manual_seed(3))
    assert positions == 5
    drawn = draw_negatives(seen[torch.tensor([0, 0, 1, 1, 1])], 4, False, torch.Generator().manual_seed(3))
    hidden = model(group[1][:, :-1])[group[1][:, :-1] != PADDING]
    rows = model.item_embedding(torch.cat([torch.tensor([2, 3, 5, 6, 7])[:, None], drawn], 1))
    scores = torch.einsum("nd,nkd->nk", hidden, rows)
    expected = gbce(scores[:, 0], scores[:, 1:], gbce_beta(30, 4, 0.75))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def cycles(users: int) -> list[list[int]]:
    """Each user walks on through 30 items in a circle, from somewhere."""
    source = random.Random(5)
    starts = [(source.randrange(30), source.randrange(6, 15)) for _ in range(users)]
    return [[(start + step) % 30 for step in range(length)] for start, length in starts]


@pytest.mark.parametrize("method", ["sasrec", "gsasrec"])
def test_it_learns_a_circle(method: str) -> None:
    model = small(method, learning_rate=1e-2)
    trainer = train_leave_one_out.Trainer(model, leave_one_out.leave_one_out(cycles(60)), seed=1)
    run = trainer.train(epochs=30, minutes=10, patience=100, validate_every=10, save=None)
    assert [point["epoch"] for point in run.curve] == [10, 20, 30]
    histories = [t + [v] for t, v in zip(trainer.split.training, trainer.split.validation)]
    assert leave_one_out.evaluate(model, histories, trainer.split.test)["NDCG@10"] > 0.9


def test_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    split, file = leave_one_out.leave_one_out(cycles(20)), tmp_path / "state.pt"

    def trainer() -> train_leave_one_out.Trainer:
        return train_leave_one_out.Trainer(small("sasrec", dropout=0.2), split, seed=1)

    torch.manual_seed(9)
    whole = trainer()
    torch.manual_seed(9)
    whole.train(6, 5, 100, 2, None)
    first = trainer()
    torch.manual_seed(9)
    first.train(4, 5, 100, 2, file)
    torch.manual_seed(1234)
    second = trainer()
    second.load(file)
    second.train(6, 5, 100, 2, file)
    assert [point["NDCG@10"] for point in second.run.curve] == [point["NDCG@10"] for point in whole.run.curve]
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name
    other = train_leave_one_out.Trainer(small("sasrec"), split, seed=1)
    with pytest.raises(SystemExit, match="other settings"):
        other.load(file)
