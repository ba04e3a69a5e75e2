"""Leaderboards: which rounds count on one, and who stands where. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo

from clickme.contests.models import Contest, Counts
from clickme.contests.windows import bounds, day_of

MILLION = 1_000_000  # a score is a whole number of millionths of a point
CONTEST_KEY = "contest:"  # and its number


class Scope(StrEnum):
    ALL = "all"
    TODAY = "today"
    CONTEST = "contest"


@dataclass(frozen=True)
class Board:
    """One leaderboard. On it counts each recognised round that ended in [begins, ends), in its contest."""

    key: str
    begins: datetime | None = None
    ends: datetime | None = None
    contest_id: int | None = None
    counts: Counts = Counts.POINTS
    is_final: bool = False  # its contest's standings are frozen


ALL_TIME = Board("all")


def board_of_day(at: datetime, zone: ZoneInfo) -> Board:
    """The board of the day in which `at` lies, there."""
    day = day_of(at, zone)
    begins, ends = bounds(day, zone)
    return Board(f"day:{day}:{zone.key}", begins, ends)


def board_of_contest(contest: Contest) -> Board:
    return Board(
        contest_key(contest.id),
        contest_id=contest.id,
        counts=Counts(contest.counts),
        is_final=contest.frozen_at is not None,
    )


def contest_key(contest_id: int) -> str:
    return f"{CONTEST_KEY}{contest_id}"


@dataclass(frozen=True)
class Score:
    """What a player has on a board: all of it, in millionths of a point."""

    key: str
    player_id: int
    score: int


@dataclass(frozen=True)
class Entry:
    """A line of a board: `place` from 1, shared by equal scores; 1, 2, 2, 4."""

    place: int
    player_id: int
    name: str
    score: int


def placed(scores: Iterable[tuple[int, int]], names: dict[int, str]) -> list[Entry]:
    """The lines of a board from its top on, of (player, score); those of one place by their names.

    Who has no name here is on no board.
    """
    known = sorted((-score, names[player], player) for player, score in scores if player in names)
    lines: list[Entry] = []
    for minus, equal in groupby(known, key=lambda one: one[0]):
        place = len(lines) + 1
        lines += [Entry(place, player, name, -minus) for _, name, player in equal]
    return lines


def top(scores: Sequence[tuple[int, int]], count: int) -> Sequence[tuple[int, int]]:
    """The first `count` of (player, score), highest score first, and all who share the last one's place."""
    if len(scores) <= count:
        return scores
    last = scores[count - 1][1]
    return [one for one in scores if one[1] >= last]
