"""SmoothGrad against networks whose gradients are known, and its figure."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clickme_gala.figures.smoothgrad import shares, smoothgrad, smoothgrad_figure
from clickme_gala.networks import build
from clickme_gala.resnet import Seen

PAPER = (0xF6, 0xF1, 0xE7)


def images(count: int, size: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


class Polynomial(nn.Module):
    """Logits Σ w x, or Σ w x³, over pixels x."""

    def __init__(self, classes: int, size: int, power: int) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.weight = nn.Parameter(torch.randn(classes, 3, size, size))
        self.power = power

    def forward(self, photographs: Tensor) -> Seen:
        return Seen(torch.einsum("nchw,kchw->nk", photographs**self.power, self.weight), [])


def test_of_a_linear_network_it_is_the_weights() -> None:
    network = Polynomial(5, 6, power=1)
    found = smoothgrad(network, images(3, 6), torch.tensor([4, 0, 2]), samples=3)
    assert found.shape == (3, 6, 6)
    assert found.dtype == np.float32
    expected = network.weight.detach()[[4, 0, 2]].abs().sum(1).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_it_is_the_gradient_over_noise_of_the_sigma_that_was_asked_for() -> None:
    """The mean of 3 w (x + noise)² is 3 w (x² + sigma²): 15 % of a range of 200 is 30."""
    network = Polynomial(2, 8, power=3)
    pixels = torch.full((1, 3, 8, 8), 100, dtype=torch.uint8)
    pixels[0, :, 0, :2] = torch.tensor([0, 200], dtype=torch.uint8)
    found = smoothgrad(network, pixels, torch.tensor([1]), samples=500)
    calm = 3 * network.weight.detach()[1].abs() * pixels[0].float() ** 2
    noise = found.sum() - calm.sum().item()
    expected = 3 * network.weight.detach()[1].abs().sum().item() * 30**2
    # 192 pixels of 500 copies: the sum's own noise is about 7 % of what noise adds.
    assert noise == pytest.approx(expected, rel=0.25)


def test_without_noise_it_is_the_plain_gradient() -> None:
    network = Polynomial(2, 4, power=3)
    pixels = images(1, 4)
    found = smoothgrad(network, pixels, torch.tensor([0]), samples=1, noise=0)
    expected = (3 * network.weight.detach()[0] * pixels[0].float() ** 2).abs().sum(0)
    np.testing.assert_allclose(found[0], expected.numpy(), rtol=1e-5)


def test_a_photograph_s_map_does_not_hang_on_its_neighbours() -> None:
    network = build("gala-resnet-18", width=8)
    pictures, labels = images(3, 32), torch.tensor([7, 8, 9])
    together = smoothgrad(network, pictures, labels, samples=2)
    alone = smoothgrad(network, pictures[1:2], labels[1:2], samples=2)
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-3, atol=1e-6 * alone.max())


def test_a_seed_says_all_and_the_network_goes_on_as_it_was() -> None:
    network = build("gala-resnet-18", width=8).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    pictures, labels = images(2, 32), torch.tensor([7, 8])
    first, again, other = (smoothgrad(network, pictures, labels, samples=2, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


# ---- the figure


def columns(first: NDArray[np.float64], second: NDArray[np.float64]) -> list[NDArray[np.uint8]]:
    photographs = np.zeros((1, 10, 10, 3), np.uint8)
    figure = smoothgrad_figure(photographs, ["koala"], ("GALA", first), ("ResNet", second))
    assert [text.get_text() for text in figure.texts[:4]] == ["photograph", "GALA", "ResNet", "difference"]
    return [np.asarray(axes.images[0].get_array(), dtype=np.uint8) for axes in figure.axes]


def test_the_difference_is_blue_for_the_first_and_orange_for_the_second() -> None:
    left, right = np.zeros((1, 10, 10)), np.zeros((1, 10, 10))
    left[:, :, 0], right[:, :, 9] = 1, 1
    _, first, second, difference = columns(left, right)
    assert (difference[:, 0] == (0x5B, 0x9B, 0xC0)).all()
    assert (difference[:, 9] == (0xB9, 0x3A, 0x10)).all()
    assert (difference[:, 1:9] == PAPER).all()
    assert (first[:, 0] == (0x26, 0x22, 0x1B)).all()
    assert (first[:, 1:] == PAPER).all()
    assert (second[:, 9] == (0x26, 0x22, 0x1B)).all()


def test_larger_gradients_are_no_difference() -> None:
    maps = np.random.default_rng(0).random((1, 10, 10)) * 2.0**-3
    assert (columns(maps, maps * 1024)[3] == PAPER).all()


def test_a_network_that_hangs_on_nothing_is_paper() -> None:
    nothing = np.zeros((1, 10, 10))
    assert all((shown == PAPER).all() for shown in columns(nothing, nothing)[1:])
    assert not shares(nothing).any()
