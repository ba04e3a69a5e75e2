"""The photographs that have a map, streamed from the database with the strokes that made it."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    LargeBinary,
    Select,
    Text,
    case,
    cast,
    func,
    literal,
    null,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from clickme.catalogue.models import Category, Image
from clickme.catalogue.service import image_id
from clickme.export.facts import LeftOut
from clickme.export.record import UNSPLIT, Photograph, Stroke
from clickme.export.selection import Rule, Selection
from clickme.export.splits import firsts, place, split
from clickme.game.models import BubbleBatch, Round
from clickme.kit.copy import Row, copy_out, integer
from clickme.players.models import Player

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Tally:
    """What the stream has met: what was left out by which rule, and what the rest is like."""

    left_rounds: Counter[str] = field(default_factory=Counter)
    left_photographs: Counter[str] = field(default_factory=Counter)
    photographs: int = 0
    rounds: int = 0
    bubbles: int = 0
    players: dict[int, int] = field(default_factory=dict)  # a player's number in this export, by id
    classes: dict[str, Counter[str]] = field(default_factory=dict)  # photographs by split and wnid
    outcomes: Counter[str] = field(default_factory=Counter)
    pointers: Counter[str] = field(default_factory=Counter)
    partners: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)  # by their JSON
    consents: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    first_round: str | None = None
    last_round: str | None = None

    def left_out(self, selection: Selection) -> list[LeftOut]:
        """A line for every rule that was held against the rounds, in that order, whatever it left out."""
        rules = [(rule.word, rule.says, rule.whole) for rule in selection.rules()]
        fewer = (
            f"of fewer than {selection.min_bubbles} bubbles" if selection.min_bubbles > 1 else "of no bubble"
        )
        rules += [
            ("duplicate", "second rounds of a player on a photograph (the tables allow none)", False),
            ("bubbles", f"rounds {fewer}", False),
        ]
        if selection.min_players > 1:
            rules.append(("players", f"photographs of fewer than {selection.min_players} players", True))
        return [
            LeftOut(word, says, self.left_rounds[word], self.left_photographs[word] if whole else 0)
            for word, says, whole in rules
        ]


def begin_snapshot(session: Session) -> None:
    """Let everything read from here on be of one moment. `session` must not have read anything yet."""
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    # The statement below reads everything once: sorting in memory helps it, compiling it does not.
    session.execute(text("SET LOCAL work_mem = '64MB'"))
    session.execute(text("SET LOCAL jit = off"))


def stream_painted(
    session: Session, selection: Selection, *, splits: bool = True, tally: Tally | None = None
) -> Iterator[Photograph]:
    """Every photograph with a round that counts, in the order of places: classes are well mixed.

    `tally` has met a photograph when it comes out. No more is in memory than the rounds of one photograph,
    and a number for each player.
    """
    tally = Tally() if tally is None else tally
    rows = (_Found.read(row) for row in copy_out(session, _statement(selection.rules(), splits=splits)))
    for _, found in groupby(rows, key=lambda row: row.image):
        rounds = list(found)
        counting = _counting(rounds, selection, tally)
        if counting:
            yield _photograph(counting, tally)


def _counting(rounds: list["_Found"], selection: Selection, tally: Tally) -> list["_Found"]:
    """The rounds of a photograph that no rule leaves out."""
    for word in {row.left_out for row in rounds if row.left_out}:
        tally.left_photographs[word] += 1
    tally.left_rounds.update(row.left_out for row in rounds if row.left_out)
    kept = [row for row in rounds if not row.left_out]
    enough = [row for row in kept if len(row.xyt) >= selection.min_bubbles * 6]
    tally.left_rounds["bubbles"] += len(kept) - len(enough)
    if enough and len(enough) < selection.min_players:
        tally.left_rounds["players"] += len(enough)
        tally.left_photographs["players"] += 1
        return []
    return enough


def _photograph(rounds: list["_Found"], tally: Tally) -> Photograph:
    first = rounds[0]
    strokes = [row.stroke(tally) for row in rounds]
    tally.photographs += 1
    tally.classes.setdefault(first.split, Counter())[first.wnid] += 1
    tally.licences[first.licence] += 1
    return Photograph(first.split, first.image_id, first.sha256, first.class_index, first.wnid, strokes)


@dataclass(frozen=True)
class _Found:
    """A row of the statement: a round, with its photograph's columns."""

    image: int
    split: str
    image_id: str
    sha256: str
    class_index: int
    wnid: str
    licence: str
    player: int
    consent: str
    outcome: str
    recognised_ms: int | None
    begun_us: int | None
    pointer: str | None
    contest: int | None
    rules: str
    partner: str | None
    left_out: str | None
    xyt: bytes

    @classmethod
    def read(cls, row: Row) -> "_Found":
        """From Postgres's binary form: text as UTF-8, numbers big-endian."""
        found: list[Any] = [
            integer(value) if kind is int else value.decode() if kind is str and value is not None else value
            for kind, value in zip(KINDS, row, strict=True)
        ]
        return cls(*found)

    def stroke(self, tally: Tally) -> Stroke:
        """The round as a stroke; `tally` has met it."""
        if self.player not in tally.players:
            tally.players[self.player] = len(tally.players)
            tally.consents[self.consent] += 1
        begun = None if self.begun_us is None else _iso(self.begun_us)
        if begun is not None:
            tally.first_round = min(tally.first_round or begun, begun)
            tally.last_round = max(tally.last_round or begun, begun)
        tally.rounds += 1
        tally.bubbles += len(self.xyt) // 6
        tally.outcomes[self.outcome] += 1
        tally.pointers[self.pointer or "unknown"] += 1
        tally.partners[self.partner or "unknown"] += 1
        tally.rules[self.rules] += 1
        return Stroke(
            player=tally.players[self.player],
            xyt=np.frombuffer(self.xyt, dtype="<i2").reshape(-1, 3),
            outcome=self.outcome,
            recognised_ms=self.recognised_ms,
            begun_at=begun,
            pointer=self.pointer,
            contest=self.contest,
            rules=_rules(self.rules),
            partner=self.partner,
        )


# What each column is, in the order of _Found's fields.
KINDS = (int, str, str, str, int, str, str, int, str, str, int, int, str, int, str, str, str, bytes)


@lru_cache(maxsize=64)
def _rules(document: str) -> dict[str, Any]:
    rules: dict[str, Any] = json.loads(document)
    return rules


def _iso(microseconds: int) -> str:
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="milliseconds")


def _statement(rules: list[Rule], *, splits: bool) -> Select[Any]:
    """A row for each round, in the order of places.

    The inner statement sorts rounds without their strokes; the outer one looks each round's strokes up in the
    log as it passes, so that no sort has to carry them.
    """
    reason = case(*((rule.left_out, literal(rule.word)) for rule in rules), else_=null())
    first = firsts()
    rounds = (
        select(
            place(Image.source_sha256).label("place"),
            Image.id.label("image"),
            (split(first) if splits else literal(UNSPLIT)).label("split"),
            image_id().label("image_id"),
            Image.sha256,
            Image.class_index,
            Category.wnid,
            func.coalesce(Image.licence, "").label("licence"),
            Round.id.label("round"),
            Round.player_id,
            Player.consent_version,
            Round.outcome,
            Round.recognised_ms,
            cast(func.extract("epoch", Round.begun_at) * 1_000_000, BigInteger).label("begun_us"),
            Round.pointer,
            Round.contest_id,
            cast(Round.rules, Text).label("rules"),
            Round.partner,
            reason.label("left_out"),
        )
        .select_from(Image)
        .join(Category, Category.class_index == Image.class_index)
        .join(Round, Round.image_id == Image.id)
        .join(Player, Player.id == Round.player_id)
        .outerjoin(first, first.c.class_index == Image.class_index)
        .order_by("place", Image.id, Round.id)
        .subquery("painted")
    )
    log = (
        select(func.string_agg(BubbleBatch.xyt, aggregate_order_by(_NOTHING, BubbleBatch.first_index)))
        .where(BubbleBatch.round_id == rounds.c.round)
        .scalar_subquery()
    )
    order = (rounds.c.place, rounds.c.image, rounds.c.round)  # as it is already: nothing is sorted again
    columns = [column for column in rounds.c if column.name not in ("place", "round")]
    strokes = case((rounds.c.left_out.is_(None), func.coalesce(log, _NOTHING)), else_=_NOTHING)
    return select(*columns, strokes).order_by(*order)


_NOTHING = literal(b"", LargeBinary)
