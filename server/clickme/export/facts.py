"""What is said of a data set beside its shards: every number with how it came to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clickme.maps import Recipe
from clickme.maps.reliability import Reliability


@dataclass(frozen=True)
class Shard:
    """A file of records."""

    name: str  # below the data set's folder, with / between folders
    split: str
    records: int
    photographs: int
    maps: int  # one of each player of each photograph
    bytes: int
    sha256: str


@dataclass(frozen=True)
class LeftOut:
    """What one rule of the selection left out. A round is counted at the first rule that it falls under."""

    rule: str  # a stable word: skipped, flagged, banned, ...
    says: str  # the rule in words, with its figure
    rounds: int
    photographs: int  # left out whole by this rule; 0 for a rule about rounds


@dataclass(frozen=True)
class Facts:
    """Everything that dataset_info.json, the card and croissant.json say."""

    version: str  # of clickme, which wrote it
    format: str  # as --format calls it
    has_images: bool
    has_maps: bool
    per_player: bool
    recipe: Recipe
    options: Mapping[str, Any]  # the selection and everything else that was chosen, by the options' names
    shards: Sequence[Shard]
    left_out: Sequence[LeftOut]
    photographs: int
    rounds: int  # that count: one of each player of each photograph
    players: int
    bubbles: int
    classes: Mapping[str, Mapping[str, int]]  # photographs by split and wnid
    outcomes: Mapping[str, int]  # rounds by outcome
    pointers: Mapping[str, int]  # rounds by pointer
    partners: Mapping[str, int]  # rounds by name@sha256 of the network that looked
    rules: Sequence[tuple[Mapping[str, Any], int]]  # the game's rules, and the rounds played by them
    consents: Mapping[str, int]  # players by the version of the consent they gave
    licences: Mapping[str, int]  # photographs by licence; "" where none is known
    first_round: str | None  # ISO 8601, UTC: when the first round that counts began
    last_round: str | None  # ... and the last
    reliability: Reliability | None  # None if no photograph has two players
    licence: str | None  # of the maps and strokes, as whoever exported them chose
