"""What the database says of rounds, in the words of somebody who writes SQL."""

from typing import Any

from sqlalchemy import RowMapping, text

from browser.wire import Bubble
from clickme.kit.house import House


def ask(house: House, sql: str, **values: Any) -> list[RowMapping]:
    with house.database.transaction() as session:
        return list(session.execute(text(sql), values).mappings())


def round_row(house: House, round_id: int) -> RowMapping:
    (row,) = ask(house, "SELECT * FROM rounds WHERE id = :round", round=round_id)
    return row


def stored(house: House, round_id: int) -> list[Bubble]:
    """The bubbles of a round as the view `bubbles` has them, counted from 0 without a gap."""
    rows = ask(house, "SELECT n, x, y, t_ms FROM bubbles WHERE round_id = :round ORDER BY n", round=round_id)
    assert [row["n"] for row in rows] == list(range(len(rows)))
    return [(row["x"], row["y"], row["t_ms"]) for row in rows]
