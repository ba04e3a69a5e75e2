"""Where networks look, against derivatives by small steps and plain loops."""

import numpy as np
import pytest
import torch
from torch import Tensor

from clickme_gala.evaluate.looks import attention, look, resized
from clickme_gala.networks import build
from clickme_gala.resnet import ResNet


def network(name: str = "gala-resnet-18") -> ResNet:
    torch.manual_seed(1)
    return build(name, width=16).eval()


def photographs(count: int = 2, size: int = 64) -> Tensor:
    return torch.randint(
        0, 256, (count, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(2)
    )


def test_saliency_is_the_steepest_colour_of_each_pixel() -> None:
    model = network().double()
    images, labels = photographs().double(), torch.tensor([3, 700])
    found = look(model, images, labels).saliency
    step = 1e-3
    for photograph, row, column in [(0, 5, 7), (0, 40, 22), (1, 63, 0)]:
        slopes = []
        for colour in range(3):
            ends = []
            for sign in (1, -1):
                moved = images.clone()
                moved[photograph, colour, row, column] += sign * step
                with torch.no_grad():
                    ends.append(model(moved).logits[photograph, labels[photograph]].item())
            slopes.append(abs(ends[0] - ends[1]) / (2 * step))
        assert found[photograph, row, column].item() == pytest.approx(max(slopes), rel=1e-3)


def test_attention_is_the_length_of_each_column_of_the_last_look() -> None:
    model, images = network(), photographs()
    with torch.no_grad():
        volume = model(images).looks[-1].numpy().astype(np.float64)
    wanted = [
        [[sum(value**2 for value in volume[n, :, y, x]) ** 0.5 for x in range(4)] for y in range(4)]
        for n in range(2)
    ]
    np.testing.assert_allclose(attention(model, images).numpy(), wanted, rtol=1e-5)


@pytest.mark.parametrize("name", ["resnet-18", "se-resnet-18", "gala-resnet-18"])
def test_one_pass_shows_the_same_as_two(name: str) -> None:
    model, images, labels = network(name), photographs(), torch.tensor([1, 2])
    found = look(model, images, labels)
    with torch.no_grad():
        torch.testing.assert_close(found.logits, model(images).logits)
    torch.testing.assert_close(found.attention, attention(model, images))


def test_looking_leaves_no_trace() -> None:
    model, images = network(), photographs().float()
    found = look(model, images, torch.tensor([1, 2]))
    assert not images.requires_grad
    assert all(weight.grad is None for weight in model.parameters())
    assert not any(part.requires_grad for part in found)


def keys(x: float) -> float:
    """Keys's cubic with a = -0.5 (Keys, "Cubic convolution interpolation", 1981)."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0


def test_resized_is_bicubic() -> None:
    looks = np.random.default_rng(0).random((2, 4, 4)).astype(np.float32)
    weights = np.array(
        [[keys((pixel + 0.5) / 16 - (place + 0.5)) for place in range(4)] for pixel in range(64)]
    )
    weights /= weights.sum(1, keepdims=True)
    wanted = [weights @ look @ weights.T for look in looks.astype(np.float64)]
    np.testing.assert_allclose(resized(torch.from_numpy(looks), 64).numpy(), wanted, atol=1e-6)
