"""Maps by plain loops, written independently of `clickme.maps`."""

import math
from operator import mul


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


def slow_blurred(sharp: list[list[float]], size: int = 49, sigma: float = 28.0) -> list[list[float]]:
    """A Gaussian of `size` taps along the rows, then down the columns, zero outside, in whole numbers.

    Values and taps are rounded to multiples of 2**-26, half to even; values to a power of two times as much
    where the map goes above 1. Sums are divided by the sum of the taps; those of the rows are rounded again.
    """
    weights = [math.exp(-(offset**2) / (2 * sigma**2)) for offset in range(-(size // 2), size // 2 + 1)]
    taps = [round(weight / math.fsum(weights) * 2**26) for weight in weights]
    total = sum(taps)
    unit = 1
    while unit < max(map(max, sharp)):
        unit *= 2

    def along(line: list[int]) -> list[int]:
        if not any(line):
            return line
        padded = [0] * (size // 2) + line + [0] * (size // 2)
        return [sum(map(mul, taps, padded[middle : middle + size])) for middle in range(len(line))]

    whole = [[round(value * 2**26 / unit) for value in row] for row in sharp]
    halfway = [[divided(value, total) for value in along(row)] for row in whole]
    columns = [along(list(column)) for column in zip(*halfway, strict=True)]
    return [[value * unit / (total * 2**26) for value in row] for row in zip(*columns, strict=True)]


def divided(number: int, by: int) -> int:
    """The nearest whole number to a quotient; of two, the even one."""
    quotient, rest = divmod(number, by)
    return quotient + (2 * rest > by or (2 * rest == by and quotient % 2))
