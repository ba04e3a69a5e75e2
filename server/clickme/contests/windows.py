"""Moments as people write them, in a time zone whose clocks jump twice a year. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from clickme.kit.problems import Problem


def zone_called(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Problem `no_such_zone`."""
    if name not in _zones():
        raise Problem(
            "no_such_zone", f"There is no time zone {name!r}. They are named as Europe/Paris or UTC is."
        )
    return ZoneInfo(name)


@cache
def _zones() -> set[str]:
    return available_timezones()


def moment(written: str, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, that `written` names in that zone: 2026-12-01 18:00, or with an offset of its own.

    Problem `bad_time`; `no_such_time` where the clocks jump over it, `time_comes_twice` where they go back
    and it bears no offset.
    """
    try:
        local = datetime.fromisoformat(written)
    except ValueError:
        raise Problem("bad_time", f"{written!r} is no time. Write it as 2026-12-01 18:00.") from None
    try:
        if local.tzinfo is not None:
            return local.astimezone(UTC)
        return _only_moment(local, zone)
    except (OverflowError, ValueError):
        raise Problem("bad_time", f"{written!r} is too far away.") from None


def _only_moment(local: datetime, zone: ZoneInfo) -> datetime:
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    found = first.astimezone(UTC)
    said = f"{local:%H:%M} on {local.day} {local:%B %Y}"
    if found.astimezone(zone).replace(tzinfo=None) != local:
        # Read with the offset before the jump it is later than itself, with the one after it earlier.
        earlier, later = second.astimezone(UTC).astimezone(zone), found.astimezone(zone)
        raise Problem(
            "no_such_time",
            f"There is no {said} in {zone.key}: the clocks go forward over it. "
            f"Take {earlier:%H:%M} or {later:%H:%M}.",
        )
    if first.utcoffset() != second.utcoffset():
        raise Problem(
            "time_comes_twice",
            f"{said} comes twice in {zone.key}, because the clocks go back. Say which is meant: "
            f"{first.isoformat(' ', 'minutes')} is the first, {second.isoformat(' ', 'minutes')} the second.",
        )
    return found


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """Which day it is there."""
    return at.astimezone(zone).date()


def bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a day begins and when the next one does, in UTC: 23 to 25 hours apart, mostly 24."""
    first, last = (
        datetime.combine(midnight, time(), zone).astimezone(UTC)
        for midnight in (day, day + timedelta(days=1))
    )
    return first, last


def in_words(at: datetime, zone: ZoneInfo) -> str:
    """For people: 1 December 2026, 18:00."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M}"
