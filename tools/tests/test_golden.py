"""The golden models: the same bytes again, and forward passes that agree with each other."""

from pathlib import Path

import pytest
import torch

import attention
import make_golden
import recurrent
from cases import CASES, TORCH_ENCODER
from tensors import random_weights

ROWS = [3, 5, 3, 9, 0]


def exact_weights(name: str) -> dict[str, torch.Tensor]:
    return {key: value.double() for key, value in random_weights(name, CASES[name], torch.float32).items()}


@pytest.mark.parametrize("name", ["sasrec-start-pre", "gru-stored-bf16"])
def test_the_committed_files_come_out_again(name: str, tmp_path: Path) -> None:
    make_golden.write_case(name, tmp_path)
    for written in sorted((tmp_path / name).iterdir()):
        assert written.read_bytes() == (make_golden.DEFAULT_OUT / name / written.name).read_bytes(), written.name


@pytest.mark.parametrize("name", sorted(TORCH_ENCODER))
def test_own_attention_is_that_of_pytorch(name: str) -> None:
    weights, config = exact_weights(name), CASES[name]
    own = attention.hidden_state(ROWS, weights, config)
    assert torch.allclose(own, attention.torch_encoder_hidden_state(ROWS, weights, config), atol=1e-12)


def test_the_official_layer_against_its_formula() -> None:
    weights, config = exact_weights("gru-official-embedding"), CASES["gru-official-embedding"]
    hidden = torch.zeros(16, dtype=torch.float64)
    inputs, recurrences = weights["layers.0.weight_ih"].chunk(3), weights["layers.0.weight_hh"].chunk(3)
    for row in ROWS:
        x = weights["item_embedding.weight"][row]
        r, z = (torch.sigmoid(inputs[gate] @ x + recurrences[gate] @ hidden) for gate in (0, 1))
        n = torch.tanh(inputs[2] @ x + recurrences[2] @ (r * hidden))
        hidden = (1 - z) * hidden + z * n
    assert torch.allclose(hidden, recurrent.hidden_state(ROWS, weights, config), atol=1e-12)


def test_every_event_without_a_known_item_has_zero_scores() -> None:
    name = "gru-tied"
    expected = make_golden.expected_tensors(name, CASES[name], random_weights(name, CASES[name], torch.float32))
    known = torch.cat([value for key, value in expected.items() if key.startswith("known")])
    logits = torch.cat([value for key, value in expected.items() if key.startswith("logits")])
    assert (known == 0).any() and (known == CASES[name]["max_length"]).any()
    assert torch.equal((logits == 0).all(1), known == 0)
