"""Our engine in the process that the game runs in, here an event loop with simulated rounds.

`python -m benchmarks.partner.servers.game HOME`. Views are composed as the engine looks at them.
"""

import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import uvloop

from clickme.partners.service import at_hand
from clickme_partner.engine import Seat
from clickme_partner.errors import PartnerError
from clickme_partner.looks import Verdict
from clickme_partner.registry import installed

from ..drive import Hear, answer
from ..views import Paintings


@dataclass(frozen=True)
class Player:
    """A simulated player at a seat of the engine."""

    number: int
    seat: Seat
    paintings: Paintings

    def show(self, number: int) -> None:
        self.seat.show(self.paintings.view(self.number, number))

    def leave(self) -> None:
        self.seat.leave()


async def main(home: Path) -> None:
    partner = installed(home / "partner")
    assert partner is not None
    paintings = Paintings()
    with closing(at_hand(partner)) as engine:

        async def sit(player: int, hear: Hear) -> Player:
            def told(said: Verdict | PartnerError) -> None:
                hear(None if isinstance(said, PartnerError) else said.count)

            return Player(player, engine.seat(player, told), paintings)

        await answer(sit)


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1])))
