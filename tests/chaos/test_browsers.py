"""What befalls browsers and their lines: all of it at once, each to a party of its own."""

import asyncio

from chaos.campaign import Campaign, Party
from chaos.player import Habits
from chaos.size import SIZE

JUMPS_MS = (3000, -2000, 10_000, 700)


def test_lines_break_and_browsers_err(campaign: Campaign) -> None:
    chance, few, turns = campaign.chance, SIZE.few, SIZE.turns

    async def cut(party: Party) -> None:
        for _ in range(party.times):
            await party.more(chance.randint(1, 20 * few))
            party.line.cut()
            await asyncio.sleep(chance.uniform(0, 1.5))
            party.line.mend()

    async def slow(party: Party) -> None:
        party.line.delay_s = (0.2, 0.8)
        for _ in range(turns):
            await party.more(50 * few)

    async def torn(party: Party) -> None:
        party.line.tears = 0.02
        for _ in range(party.times):
            await party.connect(party.connections + 1)
        party.line.tears = 0.0

    async def silent(party: Party) -> None:
        for _ in range(party.times):
            await party.more(chance.randint(1, 20 * few))
            before = party.connections
            party.line.hold()
            await asyncio.sleep(chance.uniform(5, 9))
            party.line.mend()
            await party.connect(before + 1)

    async def offline(party: Party) -> None:
        await party.more(20 * few)
        party.line.cut()
        await asyncio.sleep(SIZE.offline_s)
        party.line.mend()
        await party.more(20 * few)

    async def play(party: Party) -> None:
        for _ in range(turns):
            await party.more(100 * few)

    double = Habits(copies=2, shuffled=4, repeats=True)
    shuffled = Party("frames: each twice, old ones again, four in any order", few, play, habits=double)
    jumps = Habits(jumps_ms=JUMPS_MS)
    jumping = Party("browsers' clocks: 3 s on, 2 s back, 10 s on, 0.7 s on", few, play, habits=jumps)
    campaign.play(
        Party("the line: cut for up to 1.5 s", few, cut, 4 * turns),
        Party("the line: each packet 200 to 800 ms late", few, slow),
        Party("the line: reset in the middle of a frame", few, torn, 2 * turns * few),
        Party("the line: silent for 5 to 9 s, then all at once", few, silent, turns),
        Party(f"browsers: offline for {SIZE.offline_s:.0f} s", few, offline),
        shuffled,
        jumping,
    )
    assert shuffled.refusals["gap"] > 0
    assert jumping.refusals["too_fast"] > 0
    assert jumping.refusals["backwards"] > 0
    assert jumping.refusals["too_late"] > 0
