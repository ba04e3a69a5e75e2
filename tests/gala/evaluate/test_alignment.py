"""Harmonization's measures, against what its definitions give in plain NumPy."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from clickme_gala.evaluate.alignment import Aligning, Alignment
from clickme_gala.evaluate.correlation import centred


def align(saliency: NDArray[np.float32], maps: NDArray[np.float32]) -> Alignment:
    aligning = Aligning(seed=0)
    for one, map_ in zip(saliency, maps, strict=True):
        aligning.add(centred(one), centred(map_))
    found = aligning.sum_up()
    assert found is not None
    return found


def test_means_of_rho_dice_and_iou() -> None:
    random = np.random.default_rng(0)
    maps = random.integers(0, 40, (4, 20, 20)).astype(np.float32)
    saliency = maps + random.normal(0, 8, maps.shape).astype(np.float32)
    rhos, dices, ious = [], [], []
    for one, map_ in zip(saliency, maps, strict=True):
        a, b = one > np.percentile(one, 90), map_ > np.percentile(map_, 90)
        rhos.append(spearmanr(one, map_, axis=None).statistic)
        dices.append(2 * (a & b).sum() / (a.sum() + b.sum()))
        ious.append((a & b).sum() / (a | b).sum())
    found = align(saliency, maps)
    assert found.photographs == 4
    assert found.rho == pytest.approx(np.mean(rhos))
    assert found.score == pytest.approx(np.mean(rhos) / 0.65753)
    assert (found.dice, found.iou) == pytest.approx((np.mean(dices), np.mean(ious)))


def test_by_hand() -> None:
    saliency, map_ = np.arange(20, dtype=np.float32), np.arange(20, dtype=np.float32)
    map_[[17, 18]] = 18, 17  # the two highest are 17 and 19 here, and 18 and 19 there
    found = align(saliency.reshape(1, 4, 5), map_.reshape(1, 4, 5))
    assert (found.dice, found.iou) == pytest.approx((1 / 2, 1 / 3))
    assert found.rho == pytest.approx(1 - 6 * 2 / (20 * 399))


def test_a_small_map_is_what_was_painted() -> None:
    map_, saliency = np.zeros((1, 10, 10), np.float32), np.zeros((1, 10, 10), np.float32)
    map_[0, 0, :4] = 1
    saliency[0, 0, 2:6] = 1
    found = align(saliency, map_)
    assert (found.dice, found.iou) == pytest.approx((4 / 8, 2 / 6))


def test_photographs_with_nothing_to_rank() -> None:
    maps = np.zeros((2, 5, 5), np.float32)
    maps[0, 0, 0] = 1
    found = align(np.ones((2, 5, 5), np.float32), maps)
    assert (found.photographs, found.rho, found.dice, found.iou) == (1, 0, 0, 0)
    assert Aligning(0).sum_up() is None
