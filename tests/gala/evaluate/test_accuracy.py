"""Errors, against counting by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clickme_gala.evaluate.accuracy import Tally


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 12))
def test_batches_add_up_to_what_sorting_by_hand_counts(seed: int, count: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.permuted(np.tile(np.arange(classes, dtype=np.float32), (count, 1)), axis=1)
    labels = random.integers(0, classes, count)
    tally = Tally()
    cut = count // 2
    for part in (slice(None, cut), slice(cut, None)):
        with torch.inference_mode():
            tally.update(torch.from_numpy(logits[part]), torch.from_numpy(labels[part]))
    order = np.argsort(-logits, axis=1)
    first = sum(label != row[0] for label, row in zip(labels, order, strict=True))
    five = sum(label not in row[:5] for label, row in zip(labels, order, strict=True))
    shares = np.exp(logits.astype(np.float64))
    shares /= shares.sum(1, keepdims=True)
    assert (tally.photographs, tally.top1_errors, tally.top5_errors) == (count, first, five)
    assert tally.top1 == pytest.approx(100 * first / count)
    assert tally.top5 == pytest.approx(100 * five / count)
    assert tally.loss == pytest.approx(-np.log(shares[np.arange(count), labels]).mean(), abs=1e-5)


def test_tallies_of_processes_add_up() -> None:
    logits, labels = torch.randn(10, 7, generator=torch.Generator().manual_seed(1)), torch.arange(10) % 7
    whole, one, other = Tally(), Tally(), Tally()
    whole.update(logits, labels)
    one.update(logits[:3], labels[:3])
    other.update(logits[3:], labels[3:])
    torch.testing.assert_close(one.sums + other.sums, whole.sums)


@pytest.mark.parametrize("logit", [0.0, math.nan])
def test_a_network_that_says_the_same_of_all_or_nothing_knows_nothing(logit: float) -> None:
    tally = Tally()
    tally.update(torch.full((4, 6), logit), torch.tensor([0, 1, 2, 5]))
    assert (tally.top1, tally.top5) == (100.0, 100.0)


def test_half_precision_is_counted_in_single() -> None:
    tally = Tally()
    tally.update(torch.tensor([[60000.0, 0.0]], dtype=torch.float16), torch.tensor([1]))
    assert tally.loss == pytest.approx(60000)


def test_nothing_is_no_error_rate() -> None:
    tally = Tally()
    assert tally.photographs == 0
    assert math.isnan(tally.top1) and math.isnan(tally.top5) and math.isnan(tally.loss)
