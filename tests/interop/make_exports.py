"""Make a small house with made-up rounds on the bundled photographs, and export it in every format.

    python -m interop.make_exports FOLDER

Run in the folder above by the Python that has ClickMe. FOLDER is new: every data set becomes a folder in it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy.orm import Session

from clickme.game.closing import Ending, end
from clickme.game.dealing import deal
from clickme.game.ingest import pack
from clickme.game.models import BubbleBatch, Outcome
from clickme.game.rules import Bubble, Rules, points
from clickme.game.service import Beginning, begin
from clickme.kit.house import House, open_house
from clickme.players.service import sign_up
from interop.data_sets import EXPORTS

CLICKME = Path(sys.executable).with_name("clickme")
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
RULES = Rules()


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as home:
        clickme("images", "demo", "--home", home)
        with open_house(Path(home)) as house:
            play(house)
            with ThreadPoolExecutor(os.cpu_count()) as several:
                done = [
                    several.submit(clickme, "export", *options, "--out", str(folder / name), "--home", home)
                    for name, options in EXPORTS.items()
                ]
                for each in done:
                    each.result()


def clickme(*arguments: str) -> None:
    subprocess.run([CLICKME, *arguments], stdout=subprocess.DEVNULL, check=True)


def play(house: House) -> None:
    """Four players: two paint every photograph, one half of them, one a few and by touch."""
    chance = Random(0)
    with house.database.transaction() as session:
        for pointer, rounds in (("mouse", 31), ("pen", 31), ("keyboard", 15), ("touch", 3)):
            player = sign_up(session, "2026-11").id
            for number in range(rounds):
                play_round(session, player, pointer, chance, skipped=number % 11 == 5)


def play_round(session: Session, player: int, pointer: str, chance: Random, *, skipped: bool) -> None:
    dealt = deal(session, [player], RULES)[player]
    begin(session, [Beginning(dealt.id, NOON, pointer, "made-up@0")])
    painted = list(walk(chance))
    session.add(BubbleBatch(round_id=dealt.id, first_index=0, xyt=pack(painted)))
    session.flush()
    ended = NOON + timedelta(milliseconds=painted[-1].t + 1)
    if skipped:
        ending = Ending(dealt.id, Outcome.SKIPPED, ended)
    elif len(painted) == RULES.most_bubbles:
        ending = Ending(dealt.id, Outcome.TIMEOUT, NOON + timedelta(milliseconds=RULES.limit_ms))
    else:
        paid = points(RULES, painted[-1].t)
        ending = Ending(dealt.id, Outcome.RECOGNISED, ended, recognised_ms=painted[-1].t, points=paid)
    end(session, [ending])


def walk(chance: Random) -> Iterator[Bubble]:
    """A brush that keeps its laws, along the borders as often as not."""
    x, y = chance.choice([0, 128, 255]), chance.choice([0, 128, 255])
    for tick in range(min(RULES.most_bubbles, chance.randint(1, 200))):
        yield Bubble(x, y, RULES.tick_ms * tick)
        x = min(RULES.size - 1, max(0, x + chance.randint(-4, 4)))
        y = min(RULES.size - 1, max(0, y + chance.randint(-4, 4)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
