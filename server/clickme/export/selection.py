"""Which rounds count towards a data set: each rule an option, each with a word for what it left out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from clickme.catalogue.models import Image
from clickme.game.models import Flag, Outcome, Round
from clickme.players.models import Player


@dataclass(frozen=True)
class Rule:
    """A round that falls under `left_out` is left out; with `whole`, so are all of its photograph's."""

    word: str
    says: str
    left_out: ColumnElement[bool]
    whole: bool = False


@dataclass(frozen=True)
class Selection:
    """The options. Without any, it is every round that ended recognised or by the clock (paper 2.1), but for
    those on photographs that somebody flagged (the paper excluded them too, about 5 %) or an admin excluded,
    and those of banned players."""

    flags: int = 1  # photographs flagged by this many players or more are left out; 0: none is
    excluded: bool = False  # whether excluded photographs are kept
    banned: bool = False  # whether banned players are kept
    min_bubbles: int = 1  # of a round
    pointers: tuple[str, ...] = ()  # mouse, touch, pen, keyboard; none named: any
    contest: int | None = None  # rounds of this contest alone
    since: datetime | None = None  # rounds that began then or later
    until: datetime | None = None  # rounds that began before
    min_players: int = 1  # of a photograph, counting the rounds that are left

    def rules(self) -> list[Rule]:
        """Those that the database can tell, in the order in which they are held against a round."""
        return [*self._about_rounds(), *self._about_photographs()]

    def _about_rounds(self) -> Iterator[Rule]:
        yield Rule("unfinished", "rounds not over yet", Round.outcome.is_(None))
        yield Rule("skipped", "rounds that were skipped", Round.outcome == Outcome.SKIPPED)
        yield Rule("flagged", "rounds that ended with a flag", Round.outcome == Outcome.FLAGGED)
        if not self.banned:
            yield Rule("banned", "rounds of banned players", Player.banned_at.is_not(None))
        if self.pointers:
            yield Rule(
                "pointer",
                f"rounds not painted by {' or '.join(self.pointers)}",
                func.coalesce(Round.pointer, "").not_in(self.pointers),
            )
        if self.contest is not None:
            yield Rule(
                "contest",
                f"rounds outside contest {self.contest}",
                Round.contest_id.is_distinct_from(self.contest),
            )
        if self.since or self.until:
            since, until = (moment.isoformat() if moment else "…" for moment in (self.since, self.until))
            yield Rule("dates", f"rounds not begun from {since} to {until}", self._out_of_time())

    def _out_of_time(self) -> ColumnElement[bool]:
        outside: list[ColumnElement[bool]] = [Round.begun_at.is_(None)]
        if self.since:
            outside.append(Round.begun_at < self.since)
        if self.until:
            outside.append(Round.begun_at >= self.until)
        return or_(*outside)

    def _about_photographs(self) -> Iterator[Rule]:
        if not self.excluded:
            yield Rule(
                "excluded", "photographs that were excluded", Image.excluded_at.is_not(None), whole=True
            )
        if self.flags:
            # A banned player's word does not count against a photograph.
            flagged = (
                select(Round.image_id)
                .join(Flag, Flag.round_id == Round.id)
                .join(Player, and_(Player.id == Round.player_id, Player.banned_at.is_(None)))
                .group_by(Round.image_id)
                .having(func.count() >= self.flags)
            )
            says = f"photographs flagged by {self.flags} or more players"
            yield Rule("flagged_photograph", says, Image.id.in_(flagged.correlate(None)), whole=True)
