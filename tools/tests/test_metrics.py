"""Ranks and figures, against numbers that were worked out by hand."""

import pytest
import torch

from metrics import MISS, quality, ranks


def test_the_lower_row_wins_a_tie() -> None:
    scores = torch.tensor([[1.0, 3.0, 3.0, 2.0, 3.0]]).repeat(5, 1)
    assert ranks(scores, torch.arange(5)).tolist() == [5, 1, 2, 4, 3]


def test_figures_by_hand() -> None:
    result = quality([1, 3, MISS, 7], [1, 5, 10])
    assert result["HR@1"] == 0.25
    assert result["HR@5"] == 0.5
    assert result["HR@10"] == 0.75
    assert result["MRR@5"] == pytest.approx((1 + 1 / 3) / 4)
    assert result["MRR@10"] == pytest.approx((1 + 1 / 3 + 1 / 7) / 4)
    assert result["NDCG@5"] == pytest.approx((1 + 0.5) / 4)
    assert result["NDCG@10"] == pytest.approx((1 + 0.5 + 1 / 3) / 4)
    assert result["MAP@10"] == result["MRR@10"]


def test_no_targets() -> None:
    assert quality([], [20]) == {"HR@20": 0, "MRR@20": 0, "NDCG@20": 0, "MAP@20": 0}
