"""GALA by plain loops, written from the formulas of the papers and independently of `clickme_gala`.

Arrays are float64, or complex128: every function here is analytic but for the ReLU's kink, so a step along
the imaginary axis gives its exact derivative (`gradient`).
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64] | NDArray[np.complex128]
Parameters = dict[str, Array]
STEP = 1e-30  # nothing is subtracted in a complex step, so it may be as small as it likes


def gradient(function: Callable[[Array], complex], at: Array) -> NDArray[np.float64]:
    """The derivative of an analytic function by each number of `at`: Im f(x + ih) / h."""
    found = np.empty(at.shape)
    for place in np.ndindex(*at.shape):
        moved = at.astype(np.complex128)
        moved[place] += STEP * 1j
        found[place] = complex(function(moved)).imag / STEP
    return found


def relative_error(found: Array, expected: Array) -> float:
    """The length of the difference, as a share of what was expected."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def relu(x: complex) -> complex:
    return x if x.real > 0 else 0.0


def sigmoid(x: complex) -> complex:
    return complex((1 + np.tanh(x / 2)) / 2)  # 1 / (1 + exp(-x)), which would overflow


def dense(weight: Array, bias: Array, x: Sequence[complex]) -> list[complex]:
    return [
        bias[row] + sum(weight[row, column] * x[column] for column in range(len(x)))
        for row in range(len(weight))
    ]


def column(activity: Array, y: int, x: int) -> list[complex]:
    """All channels at one place of an activity [C, h, w]."""
    return [channel[y, x] for channel in activity]


def means(activity: Array) -> list[complex]:
    """Global average pooling of [C, h, w]."""
    _, height, width = activity.shape
    return [
        sum(channel[y, x] for y in range(height) for x in range(width)) / (height * width)
        for channel in activity
    ]


def what_matters(activity: Array, p: Parameters) -> list[complex]:
    """Squeeze, shrink, ReLU, expand: paper 3.1; Hu et al. (2018), equations 2 and 3 before the sigmoid."""
    few = [relu(x) for x in dense(p["shrink.weight"], p["shrink.bias"], means(activity))]
    return dense(p["expand.weight"], p["expand.bias"], few)


def gala(activity: Array, p: Parameters) -> Array:
    """The attention [N, C, h, w] of the paper's section 3.1: tanh(a (g + s) + m g s)."""
    attention = np.zeros(activity.shape, np.complex128)
    for n, photograph in enumerate(activity):
        g = what_matters(photograph, p)
        for c, y, x in np.ndindex(*photograph.shape):
            few = dense(p["local.0.weight"][:, :, 0, 0], p["local.0.bias"], column(photograph, y, x))
            hidden = [relu(value) for value in few]
            (s,) = dense(p["local.2.weight"][:, :, 0, 0], p["local.2.bias"], hidden)
            a, m = p["additive"][c], p["multiplicative"][c]
            attention[n, c, y, x] = np.tanh(a * (g[c] + s) + m * (g[c] * s))
    return attention


def reference_gala(activity: Array, p: Parameters) -> Array:
    """The attention [N, C, h, w] of the reference trainer: another 5x5 layer, ReLU on g, a sigmoid."""
    attention = np.zeros(activity.shape, np.complex128)
    _, _, height, width = activity.shape
    for n, photograph in enumerate(activity):
        g = [relu(value) for value in what_matters(photograph, p)]
        few = len(p["local.0.bias"])
        first = np.zeros((few, height, width), np.complex128)
        for y, x in np.ndindex(height, width):
            values = dense(p["local.0.weight"][:, :, 0, 0], p["local.0.bias"], column(photograph, y, x))
            first[:, y, x] = [relu(value) for value in values]
        for y, x in np.ndindex(height, width):
            around = [
                relu(value) for value in five_by_five(first, y, x, p["local.2.weight"], p["local.2.bias"])
            ]
            (s,) = dense(p["local.4.weight"][:, :, 0, 0], p["local.4.bias"], around)
            for c in range(len(photograph)):
                a, m = p["additive"][c], p["multiplicative"][c]
                attention[n, c, y, x] = sigmoid(a * (g[c] + s) + m * (g[c] * s))
    return attention


def five_by_five(activity: Array, y: int, x: int, kernel: Array, bias: Array) -> list[complex]:
    """A 5x5 convolution at one place; beyond the edge there are zeros."""
    _, height, width = activity.shape
    out: list[complex] = []
    for row in range(len(kernel)):
        total: complex = bias[row]
        for channel, dy, dx in np.ndindex(*kernel.shape[1:]):
            below, right = y + dy - 2, x + dx - 2
            if 0 <= below < height and 0 <= right < width:
                total += kernel[row, channel, dy, dx] * activity[channel, below, right]
        out.append(total)
    return out


def squeeze_excitation(activity: Array, p: Parameters) -> Array:
    """What is let through, [N, C, h, w]: Hu et al. (2018), equations 2 to 4."""
    excited = np.zeros(activity.shape, np.complex128)
    for n, photograph in enumerate(activity):
        for c, value in enumerate(what_matters(photograph, p)):
            excited[n, c] = photograph[c] * sigmoid(value)
    return excited


def length(values: Iterable[complex]) -> complex:
    """√Σx², as it is for real numbers."""
    return complex(np.sqrt(sum(value * value for value in values)))


def reduced(volume: Array) -> Array:
    """[N, C, h, w] -> [N, h, w]: the L2 norm of each column (paper, section 3.3)."""
    n, _, height, width = volume.shape
    picture = np.zeros((n, height, width), np.complex128)
    for photograph, y, x in np.ndindex(n, height, width):
        picture[photograph, y, x] = length(column(volume[photograph], y, x))
    return picture


def keys(x: float) -> float:
    """Keys (1981), "Cubic convolution interpolation for digital image processing", equation 15: a = -1/2."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    if x < 2:
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return 0.0


def shares(came: int, goes: int) -> NDArray[np.float64]:
    """How much each of `came` pixels counts in each of `goes`.

    Centres lie on centres; where pixels become fewer the kernel is widened by as much; at the edges, too, the
    shares sum to 1.
    """
    scale = came / goes
    widened = max(scale, 1.0)
    found = np.zeros((goes, came))
    for new in range(goes):
        centre = (new + 0.5) * scale - 0.5
        weights = [keys((old - centre) / widened) for old in range(came)]
        found[new] = [weight / sum(weights) for weight in weights]
    return found


def bicubic(map_: Array, height: int, width: int) -> Array:
    """A map [S, S] as [height, width]."""
    down, across = shares(map_.shape[0], height), shares(map_.shape[1], width)
    resized = np.zeros((height, width), np.complex128)
    for y, x in np.ndindex(height, width):
        resized[y, x] = sum(
            down[y, row] * across[x, at] * map_[row, at] for row, at in np.ndindex(*map_.shape)
        )
    return resized


def bilinear(map_: Array, height: int, width: int) -> Array:
    """A map [S, S] as [height, width], corner on corner; sides of 2 and more."""
    resized = np.zeros((height, width), np.complex128)
    for y, x in np.ndindex(height, width):
        row, below = divmod(y * (map_.shape[0] - 1) / (height - 1), 1)
        at, right = divmod(x * (map_.shape[1] - 1) / (width - 1), 1)
        for dy, dx in np.ndindex(2, 2):
            share = (below if dy else 1 - below) * (right if dx else 1 - right)
            if share:
                resized[y, x] += share * map_[int(row) + dy, int(at) + dx]
    return resized


def map_term(maps: Array, has_map: Sequence[bool], looks: Sequence[Array]) -> complex:
    """Eq. 1 without its cross-entropy and its λ, a mean over photographs."""
    total: complex = 0.0
    for n, map_ in enumerate(maps):
        for look in looks:
            attention = reduced(look)[n].ravel()
            fitted = bicubic(map_, *look.shape[2:]).ravel()
            if has_map[n] and fitted.any():
                r, a = length(fitted), length(attention)
                total += length([x / r - y / a for x, y in zip(fitted, attention, strict=True)])
    return total / len(maps)


def reference_map_term(maps: Array, has_map: Sequence[bool], looks: Sequence[Array]) -> complex:
    """The reference trainer's: half the squares, summed over photographs, a mean over layers."""
    total: complex = 0.0
    for look in looks:
        _, channels, height, width = look.shape
        for n, map_ in enumerate(maps):
            if has_map[n]:
                fitted = bilinear(map_, height, width).ravel()
                squares = [
                    sum(value * value for value in column(look[n], y, x)) / channels
                    for y, x in np.ndindex(height, width)
                ]
                r, a = np.sqrt(sum(fitted)), np.sqrt(sum(squares))
                total += sum((x / r - y / a) ** 2 for x, y in zip(fitted, squares, strict=True)) / 2
    return complex(total / len(looks))
