"""Maps by plain loops, written independently of `clickme.maps`."""

import math
from collections.abc import Iterator


def slow_sharp(players: list[tuple[int, list[tuple[int, int]]]]) -> list[list[float]]:
    """The share of players who painted each pixel, from (bubble, [(x, y), ...]) of each."""
    counts = [[0] * 256 for _ in range(256)]
    for side, bubbles in players:
        union = {
            (row, column)
            for x, y in bubbles
            for row in range(y - side // 2, y - side // 2 + side)
            for column in range(x - side // 2, x - side // 2 + side)
            if 0 <= row < 256 and 0 <= column < 256
        }
        for row, column in union:
            counts[row][column] += 1
    return [[count / len(players) for count in row] for row in counts]


def slow_blurred(sharp: list[list[float]]) -> list[list[float]]:
    """49 taps of a Gaussian of sigma 28, sum 1, along the rows and then down the columns, zero outside."""
    taps = [math.exp(-(offset**2) / (2 * 28.0**2)) for offset in range(-24, 25)]
    kernel = [tap / math.fsum(taps) for tap in taps]

    def along(line: list[float]) -> Iterator[float]:
        for middle in range(256):
            total = 0.0
            for offset, weight in zip(range(-24, 25), kernel, strict=True):
                if 0 <= middle + offset < 256:
                    total += weight * line[middle + offset]
            yield total

    rows = [list(along(row)) for row in sharp]
    columns = [list(along(list(column))) for column in zip(*rows, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]
