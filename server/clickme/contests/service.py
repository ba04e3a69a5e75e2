"""What can be done with contests. Nothing here commits."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clickme.contests import scores
from clickme.contests.boards import board_of_contest
from clickme.contests.models import Contest, Counts, State
from clickme.contests.windows import in_words, zone_called
from clickme.kit.clock import Clock, as_time
from clickme.kit.problems import Problem

LONGEST_NAME = 80  # characters
ONE_AT_A_TIME = 7_126_334_022  # a number of our own for pg_advisory_xact_lock
# Once a contest is over its last rounds end within 7 s, or are closed by another server 30 s later; the rest
# is for clocks that differ. Whatever it is, standings are not frozen while one of its rounds is running.
SETTLED = timedelta(seconds=60)


def create(
    session: Session,
    *,
    name: str,
    opens_at: datetime | None,
    closes_at: datetime,
    zone: str,
    rules: str,
    counts: Counts,
    clock: Clock,
) -> Contest:
    """A contest that opens at `opens_at`, or now, and closes by itself.

    Problem `no_such_zone`, `bad_contest_name`, `contest_name_taken`, `contest_in_the_past`, `contest_window`,
    `contest_overlaps`.
    """
    zone_called(zone)
    name = _checked(name)
    _one_at_a_time(session)
    now = as_time(clock.now())
    if opens_at is not None and opens_at < now:
        raise Problem(
            "contest_in_the_past",
            "A contest cannot open in the past: rounds that have begun do not join it. "
            "Without a time it opens now.",
        )
    opens_at = opens_at or now
    if closes_at <= opens_at:
        raise Problem("contest_window", "A contest closes after it opens.")
    if session.scalar(select(Contest.id).where(Contest.name == name)) is not None:
        raise Problem("contest_name_taken", f"There is a contest called {name} already.")
    _refuse_overlap(session, opens_at, closes_at)
    contest = Contest(
        name=name, opens_at=opens_at, closes_at=closes_at, zone=zone, rules=rules, counts=counts
    )
    session.add(contest)
    session.flush()
    return contest


def open_now(session: Session, called: str, clock: Clock) -> Contest:
    """Open a contest before its time. Problem `no_such_contest`, `contest_has_opened`, `contest_overlaps`."""
    _one_at_a_time(session)
    contest = _held(session, called)
    now = as_time(clock.now())
    if contest.state(now) is not State.ANNOUNCED:
        raise Problem("contest_has_opened", f"{contest.name} has opened already.")
    _refuse_overlap(session, now, contest.closes_at, contest)
    contest.opens_at = now
    session.flush()
    return contest


def close_now(session: Session, called: str, clock: Clock) -> Contest | None:
    """Close a contest before its time; None for one that has not opened yet: it is called off, and gone.

    Problem `no_such_contest`, `contest_is_over`.
    """
    _one_at_a_time(session)
    contest = _held(session, called)
    # Read once the row is held: who begins a round in it has done so before, or waits and finds it closed.
    now = as_time(clock.now())
    match contest.state(now):
        case State.ANNOUNCED:
            session.delete(contest)
            session.flush()
            return None
        case State.OPEN:
            contest.closes_at = now
            session.flush()
            return contest
        case _:
            raise Problem("contest_is_over", f"{contest.name} is over already.")


def open_at(session: Session, moment: datetime) -> Contest | None:
    """The contest to which a round belongs that begins at that moment."""
    return next(iter(open_within(session, moment, moment)), None)


def open_within(session: Session, first: datetime, last: datetime) -> Sequence[Contest]:
    """The contests that are open at some moment from the first to the last.

    Their rows are shared until the transaction ends, in which the beginnings of rounds are to be written:
    nobody closes or freezes the contest before that is committed.
    """
    is_open = (Contest.opens_at <= last, Contest.closes_at > first, Contest.frozen_at.is_(None))
    return session.scalars(select(Contest).where(*is_open).with_for_update(read=True)).all()


def freeze(session: Session, now: datetime) -> list[Contest]:
    """Make the standings final of contests that are over and whose rounds have all ended; which those are.

    Several servers may try at once: each contest is frozen by one of them.
    """
    over = (Contest.frozen_at.is_(None), Contest.closes_at <= now - SETTLED)
    due = session.scalars(select(Contest).where(*over).with_for_update(skip_locked=True)).all()
    frozen = [contest for contest in due if not scores.still_run(session, contest.id)]
    for contest in frozen:
        scores.write_final(session, board_of_contest(contest))
        contest.frozen_at = now
    session.flush()
    return frozen


def contest_of(session: Session, contest_id: int) -> Contest:
    """Problem `no_such_contest`."""
    contest = session.get(Contest, contest_id)
    if contest is None:
        raise Problem("no_such_contest", "There is no such contest.", status=404)
    return contest


def contests(session: Session) -> Sequence[Contest]:
    """All of them, the latest first."""
    return session.scalars(select(Contest).order_by(Contest.opens_at.desc())).all()


def moving(session: Session, now: datetime) -> Sequence[Contest]:
    """Those whose standings may still change."""
    return session.scalars(
        select(Contest).where(Contest.frozen_at.is_(None), Contest.opens_at <= now).order_by(Contest.opens_at)
    ).all()


def present(session: Session, now: datetime) -> Contest | None:
    """The one that people mean by "the contest": the open one, or the last one, or else the next."""
    begun = select(Contest).where(Contest.opens_at <= now).order_by(Contest.opens_at.desc()).limit(1)
    return session.scalar(begun) or upcoming(session, now)


def upcoming(session: Session, now: datetime) -> Contest | None:
    """The next contest that has not opened yet."""
    to_come = select(Contest).where(Contest.opens_at > now).order_by(Contest.opens_at).limit(1)
    return session.scalar(to_come)


def _checked(name: str) -> str:
    name = name.strip()
    if not name.isprintable() or not 1 <= len(name) <= LONGEST_NAME:
        raise Problem(
            "bad_contest_name", f"A contest's name has 1 to {LONGEST_NAME} characters, on one line."
        )
    return name


def _one_at_a_time(session: Session) -> None:
    """Whoever else changes contests waits until this transaction ends: no two of them overlap."""
    session.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))


def _held(session: Session, called: str) -> Contest:
    """A contest by its name or number, its row held."""
    held = select(Contest).with_for_update()
    contest = session.scalar(held.where(Contest.name == called.strip()))
    if contest is None and called.isdecimal() and int(called) < 2**63:
        contest = session.scalar(held.where(Contest.id == int(called)))
    if contest is None:
        raise Problem(
            "no_such_contest", f"There is no contest {called}. Run: clickme contest list", status=404
        )
    return contest


def _refuse_overlap(
    session: Session, opens_at: datetime, closes_at: datetime, but: Contest | None = None
) -> None:
    overlaps = [Contest.opens_at < closes_at, Contest.closes_at > opens_at]
    if but is not None:
        overlaps.append(Contest.id != but.id)
    other = session.scalar(select(Contest).where(*overlaps).order_by(Contest.opens_at).limit(1))
    if other is not None:
        zone = zone_called(other.zone)
        raise Problem(
            "contest_overlaps",
            f"One contest at a time: {other.name} runs from {in_words(other.opens_at, zone)} "
            f"to {in_words(other.closes_at, zone)}, {other.zone}.",
        )
