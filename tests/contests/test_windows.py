"""Times as people write them, where clocks jump."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickme.contests.windows import bounds, day_of, in_words, moment, zone_called
from clickme.kit.problems import Problem

PARIS = ZoneInfo("Europe/Paris")
ZONES = st.sampled_from(
    ["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Beirut"]
)
FROM, TO = datetime(2000, 1, 1), datetime(2035, 1, 1)  # noqa: DTZ001 - as hypothesis has them
TIMES = st.datetimes(FROM, TO).map(lambda at: at.replace(second=0, microsecond=0))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-12-01 18:00", datetime(2026, 12, 1, 17, tzinfo=UTC)),
        ("2026-07-01T18:00", datetime(2026, 7, 1, 16, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("2026-12-01 18:00+00:00", datetime(2026, 12, 1, 18, tzinfo=UTC)),
        ("2026-10-25 02:30+02:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25 02:30+01:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_meant_in_its_zone_unless_it_bears_an_offset(written: str, meant: datetime) -> None:
    assert moment(written, PARIS) == meant


@pytest.mark.parametrize(
    ("written", "code", "says"),
    [
        ("tomorrow", "bad_time", "2026-12-01 18:00"),
        ("", "bad_time", "2026-12-01 18:00"),
        ("0001-01-01 00:00", "bad_time", "far away"),
        ("2026-03-29 02:30", "no_such_time", "Take 01:30 or 03:30."),
        (
            "2026-10-25 02:30",
            "time_comes_twice",
            "2026-10-25 02:30+02:00 is the first, 2026-10-25 02:30+01:00 the second",
        ),
    ],
)
def test_a_time_that_is_none_or_two_is_refused_with_what_to_write(written: str, code: str, says: str) -> None:
    with pytest.raises(Problem) as problem:
        moment(written, PARIS)
    assert problem.value.code == code
    assert says in problem.value.message


@given(written=TIMES, name=ZONES)
def test_every_time_is_one_moment_or_says_why_not(written: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    moments = [
        at
        for hours in range(-15, 16)
        for half in (0, 30)
        if (at := written.replace(tzinfo=UTC) + timedelta(hours=hours, minutes=half))
        .astimezone(zone)
        .replace(tzinfo=None)
        == written
    ]
    try:
        assert [moment(written.isoformat(" "), zone)] == moments
    except Problem as problem:
        assert problem.code == {0: "no_such_time", 2: "time_comes_twice"}[len(moments)]


@given(at=st.datetimes(FROM, TO, timezones=st.just(UTC)), name=ZONES)
def test_every_moment_lies_in_the_bounds_of_its_day_and_days_leave_no_gap(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    day = day_of(at, zone)
    begins, ends = bounds(day, zone)
    assert begins <= at < ends
    assert bounds(day + timedelta(days=1), zone)[0] == ends


def test_days_on_which_clocks_change_are_shorter_or_longer() -> None:
    hours = {
        day: (bounds(day, PARIS)[1] - bounds(day, PARIS)[0]) / timedelta(hours=1)
        for day in (date(2026, 3, 29), date(2026, 10, 25), date(2026, 12, 1))
    }
    assert list(hours.values()) == [23, 25, 24]


@pytest.mark.parametrize("name", ["", "Paris", "Europe", "../etc/passwd", "europe/paris "])
def test_what_is_no_zone_is_named(name: str) -> None:
    with pytest.raises(Problem) as problem:
        zone_called(name)
    assert problem.value.code == "no_such_zone"
    assert repr(name) in problem.value.message


def test_a_moment_is_told_in_the_zone() -> None:
    assert in_words(datetime(2026, 12, 1, 17, 5, tzinfo=UTC), PARIS) == "1 December 2026, 18:05"
