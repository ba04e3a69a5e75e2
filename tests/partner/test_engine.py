"""The engine, with a partner that looks when it is let: turns, verdicts, and what goes wrong."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from clickme_partner import engine as engine_module
from clickme_partner.engine import Engine, Seat
from clickme_partner.errors import Busy, PartnerError
from clickme_partner.looks import Pixels, Verdict
from clickme_partner.session import Session
from held_partner import Held

pytestmark = pytest.mark.anyio

VIEWS = np.random.default_rng(3).integers(0, 256, (5, 224, 224, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Numbered:
    """A view that can be told from others by its first pixel: its count."""

    count: int

    def into(self, row: NDArray[np.uint8]) -> None:
        if self.count == DAMAGED:
            raise PartnerError("photograph_damaged", "It is damaged.")
        row[0, 0, 0] = self.count


DAMAGED = 255


@dataclass
class Heard:
    """What a seat has heard."""

    verdicts: list[tuple[int, int]] = field(default_factory=list)  # count, first guess
    errors: list[str] = field(default_factory=list)

    def __call__(self, said: Verdict | PartnerError) -> None:
        if isinstance(said, PartnerError):
            self.errors.append(said.code)
        else:
            self.verdicts.append((said.count, said.top(1)[0]))


class Table:
    """Seats at an engine whose partner is held."""

    def __init__(self, engine: Engine, looker: Held) -> None:
        self.engine, self.looker = engine, looker
        self.heard: dict[str, Heard] = {}
        self.seats: dict[str, Seat] = {}

    def show(self, who: str, count: int, *, owner: str | None = None) -> None:
        if who not in self.seats:
            self.heard[who] = Heard()
            self.seats[who] = self.engine.seat(owner or who, self.heard[who])
        self.seats[who].show(Numbered(count))

    async def until_it_looks(self) -> None:
        assert await asyncio.to_thread(self.looker.looking.acquire, timeout=30)

    def let(self, looks: int = 1) -> None:
        self.looker.lets.release(looks)

    async def rest(self, *who: str) -> None:
        async with asyncio.timeout(30):
            for name in who or self.seats:
                await self.seats[name].rest()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():
                await asyncio.sleep(0.001)


@contextmanager
def table(batch: int = 4, workers: int = 1) -> Iterator[Table]:
    looker = Held()
    with closing(Engine(looker, batch=batch, workers=workers)) as engine:
        yield Table(engine, looker)


async def test_a_lone_view_is_looked_at_at_once() -> None:
    with table() as at:
        at.show("one", 7)
        await at.until_it_looks()
        at.let()
        await at.rest()
        assert at.looker.batches == [[7]]
        assert at.heard["one"].verdicts == [(7, 7)]


async def test_the_next_view_is_looked_at_at_once_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view wakes a worker, whoever else waits for something: nothing else would wake it here."""
    monkeypatch.setattr(engine_module, "CHECK_S", 3600.0)
    with table() as at:
        at.let(5)
        for count in range(1, 6):
            at.show("one", count)
            await at.rest()
        assert at.looker.batches == [[1], [2], [3], [4], [5]]


async def test_while_it_looks_the_next_batch_gathers_and_holds_only_the_newest_views() -> None:
    with table(batch=2) as at:
        at.show("first", 1)
        await at.until_it_looks()
        for count in (10, 11, 12):
            at.show("second", count)
        at.show("third", 20)
        at.show("fourth", 30)
        at.show("second", 13)  # keeps its place
        at.let(3)
        await at.rest()
        assert at.looker.batches == [[1], [13, 20], [30]]
        assert at.heard["second"].verdicts == [(13, 13)]


async def test_a_view_that_is_being_looked_at_has_its_verdict_and_then_the_newer_one_its_own() -> None:
    """With two workers as well: verdicts of a round come in the order of its views."""
    with table(workers=2) as at:
        at.show("one", 1)
        await at.until_it_looks()
        at.show("one", 2)
        at.show("two", 3)
        await at.until_it_looks()  # the other worker takes who is free
        assert at.looker.batches == [[1], [3]]
        at.let(3)
        await at.rest()
        assert at.heard["one"].verdicts == [(1, 1), (2, 2)]


async def test_an_owner_with_many_rounds_has_one_place() -> None:
    with table(batch=2) as at:
        at.show("early", 8)
        await at.until_it_looks()
        for number in range(3):
            at.show(f"greedy {number}", number, owner="greedy")
        at.show("honest", 9)
        at.let(4)
        await at.rest()
        assert at.looker.batches == [[8], [0, 9], [1], [2]]


async def test_who_leaves_is_not_looked_at() -> None:
    with table() as at:
        at.show("one", 1)
        await at.until_it_looks()
        at.show("two", 2)
        at.seats["two"].leave()
        at.let()
        await at.rest()
        assert at.looker.batches == [[1]]
        assert at.heard["two"] == Heard()


async def test_a_damaged_photograph_harms_no_other_view() -> None:
    with table() as at:
        at.show("one", 1)
        await at.until_it_looks()
        for who, count in (("two", 2), ("damaged", DAMAGED), ("three", 3)):
            at.show(who, count)
        at.let(2)
        await at.rest()
        assert at.looker.batches == [[1], [2, 3]]
        assert at.heard["damaged"].errors == ["photograph_damaged"]
        assert [at.heard[who].verdicts for who in ("two", "three")] == [[(2, 2)], [(3, 3)]]
        assert at.engine.away is None


async def test_whatever_a_view_or_a_partner_trips_over_it_goes_on() -> None:
    class Broken:
        count = 1

        def into(self, row: NDArray[np.uint8]) -> None:
            raise ZeroDivisionError

    with table() as at:
        heard = Heard()
        at.engine.seat("broken", heard).show(Broken())
        await at.until(lambda: heard.errors == ["failed"])
        at.show("strange", 250)
        at.looker.beliefs = np.zeros((200, 1000), np.float32)  # none about that view: an IndexError
        at.let(3)
        await at.until(lambda: at.heard["strange"].errors == ["failed"])
        at.looker.beliefs = np.eye(1000, dtype=np.float32)
        at.show("one", 1)
        at.let()
        await at.until(lambda: at.heard["one"].verdicts == [(1, 1)])


async def test_a_partner_that_goes_away_is_waited_for_and_shown_what_is_newest_then() -> None:
    told = threading.Semaphore(0)
    with table() as at:
        at.engine.watching.add(told.release)
        at.looker.failing, at.looker.awake = "unreachable", False
        at.show("one", 1)
        await at.until_it_looks()
        at.let()
        async with asyncio.timeout(30):
            await at.seats["one"].deserted()
        assert at.engine.away is not None and at.engine.away.code == "unreachable"
        assert at.heard["one"] == Heard()
        at.show("one", 2)
        at.show("two", 3)
        at.looker.failing, at.looker.awake = "", True
        at.let()
        await at.rest()
        await at.until(lambda: at.engine.away is None)
        assert at.looker.batches == [[1], [2, 3]]
        assert at.heard["one"].verdicts == [(2, 2)]
        assert told.acquire(timeout=5) and told.acquire(timeout=5) and not told.acquire(blocking=False)


async def test_a_partner_that_says_it_is_awake_and_fails_is_away_until_a_look_comes_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "PAUSE_S", 0.01)
    told: list[bool] = []
    with table() as at:
        at.engine.watching.add(lambda: told.append(at.engine.away is not None))
        at.looker.failing = "failed"
        for count in (1, 2):
            at.show("one", count)
            await at.until_it_looks()
            at.let()
        await at.until_it_looks()
        assert told == [True]
        at.looker.failing = ""
        at.let()
        await at.rest()
        await at.until(lambda: told == [True, False])
        assert at.heard["one"].verdicts == [(2, 2)]


async def test_a_view_at_which_it_fails_three_times_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "PAUSE_S", 0.01)
    with table() as at:
        at.looker.failing = "failed"
        at.show("one", 1)
        at.let(3)
        await at.until(lambda: at.heard["one"].errors == ["failed"])
        await at.until(lambda: at.engine.away is None)  # nothing waits that could show it
        at.looker.failing = ""
        at.show("one", 2)
        at.let()
        await at.until(lambda: at.heard["one"].verdicts == [(2, 2)])
        assert at.looker.batches == [[1], [1], [1], [2]]


async def test_a_look_that_never_ends_is_noticed_and_a_late_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "HUNG_S", 0.05)
    with table() as at:
        at.show("one", 1)
        await at.until_it_looks()
        async with asyncio.timeout(30):
            await at.seats["one"].deserted()
        assert at.engine.away is not None and at.engine.away.code == "hung"
        with pytest.raises(PartnerError):
            await at.engine.look(VIEWS)
        monkeypatch.setattr(engine_module, "HUNG_S", 60.0)
        at.let()
        await at.rest()
        await at.until(lambda: at.engine.away is None)
        assert at.heard["one"].verdicts == [(1, 1)]


async def test_one_of_two_workers_that_fails_does_not_undo_what_the_other_sees() -> None:
    with table(batch=1, workers=2) as at:
        at.show("one", 1)
        at.show("two", 2)
        await at.until_it_looks()
        await at.until_it_looks()
        at.looker.failing = "unreachable"
        at.let()
        await at.until(lambda: at.engine.away is not None)
        at.looker.failing = ""
        at.let(2)
        await at.rest()
        await at.until(lambda: at.engine.away is None)
        assert at.heard["one"].verdicts == [(1, 1)]
        assert at.heard["two"].verdicts == [(2, 2)]


async def test_a_round_that_is_over_is_not_looked_at_again_after_an_outage() -> None:
    with table() as at:
        at.looker.failing = "unreachable"
        at.show("one", 1)
        await at.until_it_looks()
        at.seats["one"].leave()
        at.let()
        await at.until(lambda: at.engine.away is not None or at.heard["one"].errors != [])
        at.looker.failing = ""
        at.seats["one"].show(Numbered(2))
        at.show("two", 2)
        at.let()
        await at.rest("two")
        assert at.looker.batches == [[1], [2]]


async def test_a_partner_with_too_much_to_do_is_not_away() -> None:
    with table() as at:
        at.looker.failing = "busy"
        at.show("one", 1)
        at.let(3)
        await at.until(lambda: len(at.looker.batches) == 4)
        assert at.engine.away is None
        at.looker.failing = ""
        at.let()
        await at.rest()
        assert at.heard["one"] == Heard([(1, 1)])


async def test_a_request_hears_at_once_that_the_partner_is_away() -> None:
    with table(batch=1) as at:
        at.looker.failing, at.looker.awake = "unreachable", False
        asked = [asyncio.create_task(at.engine.look(VIEWS[:2])) for _ in range(2)]
        await at.until_it_looks()
        at.let()
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(answer, PartnerError) and answer.code == "unreachable"
        with pytest.raises(PartnerError):
            await at.engine.look(VIEWS)
        assert at.engine.waiting == 0


async def test_more_than_may_wait_are_sent_away_with_a_time_to_come_back() -> None:
    looker = Held()
    with closing(Engine(looker, batch=1, most_waiting=2)) as engine:
        first = asyncio.create_task(engine.look(VIEWS[:1]))
        assert await asyncio.to_thread(looker.looking.acquire, timeout=30)
        second = asyncio.create_task(engine.look(VIEWS[:2]))
        await asyncio.sleep(0)
        with pytest.raises(Busy) as busy:
            await engine.look(VIEWS[:2])
        assert busy.value.retry_after_s >= 1
        looker.lets.release(3)
        assert [len(await one) for one in (first, second)] == [1, 2]


async def test_a_request_that_is_given_up_waits_no_longer() -> None:
    with table(batch=1) as at:
        at.show("one", 1)
        await at.until_it_looks()
        asked = asyncio.create_task(at.engine.look(VIEWS))
        await at.until(lambda: at.engine.waiting == 5)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert at.engine.waiting == 0
        at.let()
        await at.rest()


async def test_whoever_waits_when_it_closes_is_told_so() -> None:
    looker = Held()
    engine = Engine(looker, batch=1)
    heard = Heard()
    for owner in range(2):
        engine.seat(owner, heard).show(Numbered(owner))
    assert await asyncio.to_thread(looker.looking.acquire, timeout=30)
    closing = asyncio.create_task(asyncio.to_thread(engine.close))
    async with asyncio.timeout(30):
        while not engine.closed:
            await asyncio.sleep(0)
        looker.lets.release()
        await closing
        while len(heard.verdicts) + len(heard.errors) < 2:
            await asyncio.sleep(0)
    assert heard == Heard([(0, 0)], ["closed"])
    with pytest.raises(PartnerError) as error:
        await engine.look(VIEWS)
    assert error.value.code == "closed"


async def test_what_it_says_is_what_the_partner_says(tiny: Callable[..., Path]) -> None:
    session = Session(tiny("NHWC", kind=TensorProto.UINT8))
    with closing(Engine(session, batch=2)) as engine:
        logits = await engine.look(VIEWS)
        np.testing.assert_allclose(logits, session.logits(VIEWS), rtol=1e-4, atol=1e-2)
        heard = Heard()
        seat = engine.seat("somebody", heard)
        seat.show(Pixels(VIEWS[2], count=40))
        await seat.rest()
        assert heard.verdicts == [(40, int(logits[2].argmax()))]


def test_equal_beliefs_come_in_class_order() -> None:
    assert Verdict(1, np.zeros(1000, np.float32), "it").top(5) == (0, 1, 2, 3, 4)
    beliefs = np.zeros(1000, np.float32)
    beliefs[[7, 3]] = 1
    assert Verdict(1, beliefs, "it").top(3) == (3, 7, 0)
