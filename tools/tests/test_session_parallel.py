"""GRU4Rec's session-parallel batches, its loss, and that it learns."""

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import evaluate
from models import write_model
from session_parallel import ParallelGRU4Rec, Settings, lanes, make_optimizer, sampled_loss, train_epoch
from sessions import read_sessions_by_time

pytestmark = pytest.mark.usefixtures("one_thread")


def test_sessions_come_in_the_order_of_time(tmp_path: Path) -> None:
    file = tmp_path / "a.tsv"
    file.write_text("SessionId\tItemId\tTime\n7\tb\t5\n9\tc\t3\n9\td\t4\n7\ta\t1\n8\te\t0.5\n")
    assert read_sessions_by_time(file) == [["e"], ["a", "b"], ["c", "d"]]


def test_lanes_take_the_next_session_and_close() -> None:
    steps = [(s.rows, s.targets, s.kept, s.fresh) for s in lanes([[0, 1, 2], [3, 4], [9], [5, 6, 7, 8]], 2)]
    assert steps == [
        ([0, 3], [1, 4], [0, 1], [True, True]),
        ([1, 5], [2, 6], [0, 1], [False, True]),
        ([6], [7], [1], [False]),
        ([7], [8], [0], [False]),
    ]


def test_every_pair_is_a_step_once() -> None:
    source = random.Random(3)
    sessions = [[source.randrange(50) for _ in range(source.randrange(1, 9))] for _ in range(40)]
    wanted = sorted(pair for session in sessions for pair in zip(session, session[1:]))
    found = sorted(pair for step in lanes(sessions, 7) for pair in zip(step.rows, step.targets))
    assert found == wanted


def test_the_loss_by_hand() -> None:
    torch.manual_seed(1)
    model = ParallelGRU4Rec(6, 4)
    torch.nn.init.normal_(model.output["bias"])
    hidden, correction = torch.randn(2, 4), torch.tensor([0.3, 0.1, 0.7])
    loss = sampled_loss(model, hidden, torch.tensor([5, 1]), torch.tensor([2]), correction)
    scores = (model.scores(hidden)[:, [5, 1, 2]] - correction).detach()
    expected = 0.0
    for lane in range(2):
        expected -= math.log(math.exp(scores[lane, lane]) / sum(math.exp(score) for score in scores[lane]))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_adagrad_has_its_epsilon_under_the_root() -> None:
    model = ParallelGRU4Rec(3, 2)
    optimizer = make_optimizer(model, Settings(learning_rate=0.1))
    before = model.output["bias"].detach().clone()
    model.output["bias"].grad = torch.tensor([0.002, 0.0, -3.0])
    optimizer.step()
    moved = model.output["bias"].detach() - before
    expected = [-0.1 * g / math.sqrt(g * g + 1e-6) for g in (0.002, 0.0, -3.0)]
    assert moved.tolist() == pytest.approx(expected, rel=1e-5)


def test_a_model_directory_holds_the_cell(tmp_path: Path) -> None:
    """One step computed from the tensors that are written, by the equations of docs/model-directory.md."""
    torch.manual_seed(5)
    model = ParallelGRU4Rec(7, 4).eval()
    write_model(tmp_path, model, [f"i{row}" for row in range(7)], {})
    t = load_file(tmp_path / "model.safetensors")
    state = torch.zeros(4)
    for row in (3, 6):
        a = t["layers.0.weight_ih"] @ t["item_embedding.weight"][row] + t["layers.0.bias_ih"]
        u = t["layers.0.weight_hh"] @ state + t["layers.0.bias_hh"]
        r, z = (a[:4] + u[:4]).sigmoid(), (a[4:8] + u[4:8]).sigmoid()
        state = (1 - z) * (a[8:] + r * u[8:]).tanh() + z * state
    with torch.no_grad():
        hidden = model(torch.tensor([[3, 6]]))[0, -1]
    assert torch.allclose(state, hidden, atol=1e-6)
    assert torch.allclose(t["item_embedding.weight"] @ state + t["output.bias"], model.scores(hidden), atol=1e-6)


def test_it_learns_a_circle() -> None:
    torch.manual_seed(1)
    source = random.Random(2)
    starts = [(source.randrange(20), source.randrange(3, 9)) for _ in range(120)]
    sessions = [[(start + step) % 20 for step in range(length)] for start, length in starts]
    settings = replace(Settings(), size=16, batch_size=8, samples=10, dropout=0.0)
    model = ParallelGRU4Rec(20, settings.size)
    counts = torch.bincount(torch.tensor([row for session in sessions for row in session]), minlength=20)
    optimizer = make_optimizer(model, settings)
    losses = [train_epoch(model, optimizer, sessions, counts, settings) for _ in range(5)]
    assert losses[-1] < losses[0]
    assert evaluate.evaluate(model.eval(), sessions)["HR@1"] > 0.9
