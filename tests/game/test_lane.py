"""What many ask for at once is done together, and each is told what is theirs."""

import asyncio
from collections.abc import Sequence

import pytest

from clickme.game.lane import Lane


class Halving:
    """Halves numbers. Odd ones cannot be; the lots it was given are kept."""

    def __init__(self) -> None:
        self.lots: list[list[int]] = []

    def __call__(self, numbers: Sequence[int]) -> Sequence[int | Exception]:
        self.lots.append(list(numbers))
        return [ValueError(number) if number % 2 else number // 2 for number in numbers]


def test_what_is_asked_meanwhile_is_done_together_in_its_order() -> None:
    halving = Halving()

    async def ask() -> list[int]:
        lane = Lane(halving)
        return list(await asyncio.gather(*(lane.hand_in(number) for number in range(0, 40, 2))))

    assert asyncio.run(ask()) == list(range(20))
    assert len(halving.lots) < 4
    assert [number for lot in halving.lots for number in lot] == list(range(0, 40, 2))


def test_an_error_is_raised_where_it_belongs() -> None:
    async def ask() -> None:
        lane = Lane(Halving())
        first, second, third = (asyncio.create_task(lane.hand_in(number)) for number in (2, 3, 4))
        assert (await first, await third) == (1, 2)
        with pytest.raises(ValueError, match="3"):
            await second

    asyncio.run(ask())


def test_who_no_longer_waits_holds_up_nobody() -> None:
    async def ask() -> int:
        lane = Lane(Halving())
        impatient = asyncio.create_task(lane.hand_in(2))
        patient = asyncio.create_task(lane.hand_in(4))
        await asyncio.sleep(0)
        impatient.cancel()
        answer: int = await patient
        await lane.close()
        return answer

    assert asyncio.run(ask()) == 2
