"""How much is broken, how long, and for how many: a little in `make test`, and at length in `make chaos`."""

import os
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Size:
    players: int  # of a party, where there is one
    few: int  # of a party among others
    photographs: int
    kills: int
    turns: int  # of other things that are done again and again
    outage_s: float
    offline_s: float  # longer than a round and what is taken in after it


SHORT: Final = Size(players=8, few=3, photographs=60, kills=5, turns=2, outage_s=2.0, offline_s=10.0)
LONG: Final = Size(players=24, few=8, photographs=500, kills=50, turns=10, outage_s=20.0, offline_s=30.0)

IS_LONG: Final = os.environ.get("CLICKME_TEST_CHAOS") == "long"
SIZE: Final = LONG if IS_LONG else SHORT
