"""Rows by COPY, against what a cursor gives."""

import pytest
from psycopg2.errors import DivisionByZero
from sqlalchemy import LargeBinary, SmallInteger, cast, func, literal, null, select
from sqlalchemy.orm import Session

from clickme.kit.copy import copy_out, integer
from clickme.kit.database import Database


def test_values_come_as_postgres_has_them(session: Session) -> None:
    statement = select(
        literal("ünï\t\\.\n'quoted' %s"),
        literal(b"\0\xff\n", LargeBinary),
        cast(-2, SmallInteger),
        cast(2**40, type_=literal(2**40).type),
        null(),
        literal(""),
    )

    ((words, raw, small, large, nothing, empty),) = copy_out(session, statement)

    assert words is not None
    assert words.decode() == "ünï\t\\.\n'quoted' %s"
    assert raw == b"\0\xff\n"
    assert (integer(small), integer(large), integer(nothing)) == (-2, 2**40, None)
    assert (nothing, empty) == (None, b"")


@pytest.mark.parametrize("count", [0, 1, 20_000])
def test_all_rows_come_in_order(session: Session, count: int) -> None:
    numbers = func.generate_series(1, count).column_valued("number")
    rows = copy_out(session, select(numbers, func.repeat("x", 100)).order_by(numbers))

    assert [integer(number) for number, _ in rows] == list(range(1, count + 1))


def test_an_error_of_the_database_comes_through(session: Session) -> None:
    numbers = func.generate_series(1, 10).column_valued("number")

    with pytest.raises(DivisionByZero):
        list(copy_out(session, select(10 / (numbers - 5))))


def test_whoever_stops_early_is_let_go(worker_database: Database) -> None:
    numbers = func.generate_series(1, 10_000_000).column_valued("number")

    with worker_database.transaction() as session:
        rows = copy_out(session, select(numbers))
        next(rows)
        rows.close()
    with worker_database.transaction() as session:
        assert session.scalar(select(1)) == 1
