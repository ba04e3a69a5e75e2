"""What has to hold whatever was broken: players' own records, and a replay of the log, against the tables."""

import operator
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import RowMapping, text

from chaos.player import Painted, Player
from clickme.game.rules import Bubble
from clickme.kit.house import House
from conftest import KOALA

# The rules, written down once more: nothing here asks the game what it thinks of itself.
LIMIT_MS: Final = 7000
TICK_MS: Final = 50
NAMED_PX: Final = 1500  # of a photograph that the small partner has to see to name a koala (conftest)
DOUBT_PX: Final = 5  # pixels of a photograph may by chance have the fill's colour

ROUNDS: Final = """
    SELECT rounds.*, images.class_index, flags.id IS NOT NULL AS has_flag
    FROM rounds JOIN images ON images.id = rounds.image_id LEFT JOIN flags ON flags.round_id = rounds.id
"""
LOG: Final = """
    SELECT round_id, first_index, arrived_ms, xyt FROM bubble_batches
    WHERE round_id IN (SELECT id FROM rounds) ORDER BY round_id, first_index
"""
BUBBLES: Final = """
    SELECT round_id, n, x, y, t_ms FROM bubbles
    WHERE round_id IN (SELECT id FROM rounds) ORDER BY round_id, n
"""
RUNNING: Final = "SELECT id FROM rounds WHERE begun_at IS NOT NULL AND ended_at IS NULL ORDER BY id"
# A round that ends twice is counted twice, or paid twice.
MAPS: Final = """
    SELECT id, maps, counted FROM images CROSS JOIN LATERAL (
        SELECT count(*) AS counted FROM rounds
        WHERE image_id = images.id AND outcome IN ('recognised', 'timeout')
        AND EXISTS (SELECT FROM bubble_batches WHERE round_id = rounds.id)
    ) AS those WHERE maps <> counted
"""
PAID: Final = """
    SELECT players.id, players.points, coalesce(sum(rounds.points), 0) AS earned
    FROM players LEFT JOIN rounds ON rounds.player_id = players.id
    GROUP BY players.id HAVING abs(players.points - coalesce(sum(rounds.points), 0)) > 1e-9
"""
SCORES: Final = """
    SELECT players.name, sum(round(rounds.points * 1000000)::bigint) AS score
    FROM rounds JOIN players ON players.id = rounds.player_id
    WHERE rounds.outcome = 'recognised' GROUP BY players.id HAVING sum(rounds.points) > 0
"""


@dataclass(frozen=True)
class Tally:
    """What the players of one party went through, and what of it was lost."""

    players: int
    rounds: int  # begun
    acknowledged: int  # bubbles
    stored: int  # bubbles
    lost: int  # bubbles that were acknowledged, and are not there as they were painted
    twice: int  # players who were not paid just once for each round


class Batch(NamedTuple):
    """A row of the log."""

    arrived_ms: int
    bubbles: Sequence[Bubble]


@dataclass(frozen=True)
class Record:
    """What the database holds, each by the round's number."""

    rounds: dict[int, RowMapping]
    log: dict[int, list[Batch]]
    bubbles: dict[int, list[Bubble]]  # by the view that researchers read

    def stored(self, round_id: int) -> list[Bubble]:
        return self.bubbles.get(round_id, [])


def ask(house: House, sql: str) -> list[RowMapping]:
    with house.database.transaction() as session:
        return list(session.execute(text(sql)).mappings())


def running(house: House) -> list[int]:
    """Rounds that have begun and not ended."""
    return [row["id"] for row in ask(house, RUNNING)]


def scores(house: House) -> dict[str, int]:
    """What a leaderboard has to show: by the player's name, their points in millionths."""
    return {row["name"]: int(row["score"]) for row in ask(house, SCORES)}


def paid_wrongly(house: House) -> dict[int, Any]:
    """Players who have not the sum of their rounds' points, with both figures."""
    return {row["id"]: (row["points"], row["earned"]) for row in ask(house, PAID)}


def read(house: House) -> tuple[Record, list[str]]:
    """The whole record, and every sentence about it that should not be true."""
    wrong = [
        f"photograph {row['id']} has {row['maps']} maps of {row['counted']} rounds"
        for row in ask(house, MAPS)
    ]
    log: dict[int, list[Batch]] = {}
    for row in ask(house, LOG):
        triples = np.frombuffer(row["xyt"], "<i2").reshape(-1, 3)
        batch = Batch(row["arrived_ms"], [Bubble(*map(int, triple)) for triple in triples])
        log.setdefault(row["round_id"], []).append(batch)
    bubbles: dict[int, list[Bubble]] = {}
    for round_id, rows in groupby(ask(house, BUBBLES), operator.itemgetter("round_id")):
        numbered = [(row["n"], Bubble(row["x"], row["y"], row["t_ms"])) for row in rows]
        bubbles[round_id] = [bubble for _, bubble in numbered]
        if [n for n, _ in numbered] != list(range(len(numbered))):
            wrong.append(f"round {round_id}: its bubbles are numbered {[n for n, _ in numbered]}")
    return Record({row["id"]: row for row in ask(house, ROUNDS)}, log, bubbles), wrong


def reckon(
    record: Record, players: Collection[Player], paid_wrongly: Collection[int]
) -> tuple[Tally, list[str]]:
    """The tally of these players, and every sentence about them that should not be true."""
    rounds: dict[int, list[Painted]] = {}  # one that was dealt again was painted more than once
    for player in players:
        for painted in player.paintings:
            rounds.setdefault(painted.id, []).append(painted)
    begun = [row for row in map(record.rounds.__getitem__, rounds) if row["begun_at"] is not None]
    paintings = [painted for painted_so in rounds.values() for painted in painted_so]
    tally = Tally(
        players=len(players),
        rounds=len(begun),
        acknowledged=sum(painted.acknowledged for painted in paintings),
        stored=sum(len(record.stored(row["id"])) for row in begun),
        lost=sum(len(missing(record, painted)) for painted in paintings),
        twice=len({row["player_id"] for row in begun} & set(paid_wrongly)),
    )
    wrong = [f"{sentence} ({player.refusals})" for player in players for sentence in wrong_with(player)]
    for round_id, painted_so in rounds.items():
        row, log = record.rounds[round_id], record.log.get(round_id, [])
        sentences = [*disagreements(record, row, painted_so), *replay(row, log)]
        wrong += [f"round {round_id}: {sentence}" for sentence in sentences]
    return tally, wrong


def missing(record: Record, painted: Painted) -> list[int]:
    """The numbers of bubbles that were acknowledged and are not there as they were painted."""
    stored = record.stored(painted.id)
    there = min(len(stored), len(painted.bubbles))
    return [n for n in range(painted.acknowledged) if n >= there or stored[n] != painted.bubbles[n]]


def wrong_with(player: Player) -> Iterator[str]:
    if player.ousted:
        yield "a player's only window heard that the round goes on in another one"


def disagreements(record: Record, row: RowMapping, painted_so: Sequence[Painted]) -> Iterator[str]:
    """Where what a player knows of a round is not what the database holds."""
    stored = record.stored(row["id"])
    if stored not in [painted.bubbles[: len(stored)] for painted in painted_so]:
        yield "what is stored was never painted so"
    if row["begun_at"] is not None and row["ended_at"] is None:
        yield "it never ended"
    if row["outcome"] == "flagged" and not row["has_flag"]:
        yield "it was flagged, and what was said of it is not there"
    for painted in painted_so:
        if lost := missing(record, painted):
            yield f"bubbles {lost} were acknowledged and are not there"
        if painted.begun and row["begun_at"] is None:
            yield "its beginning was acknowledged and is not there"
        for end in painted.ends:
            heard, kept = (end["outcome"], end["points"]), (row["outcome"], row["points"])
            if heard != kept:
                yield f"its player heard {heard}, and it ended {kept}"


def replay(row: RowMapping, log: Sequence[Batch]) -> Iterator[str]:
    """Where a round ended otherwise than the rules say, by its log alone."""
    moments = list(moments_of(log))
    bubbles = [bubble for batch in log for bubble in batch.bubbles]
    is_koala = row["class_index"] == KOALA
    if row["outcome"] == "recognised":
        views = [n for n, moment in enumerate(moments, 1) if moment == row["recognised_ms"]]
        if not is_koala or not any(shown_px(bubbles[:n]) > NAMED_PX - DOUBT_PX for n in views):
            yield f"recognised at {row['recognised_ms']} ms, where nothing is to be seen: {moments}"
        if row["points"] != max(0.0, 1.0 - row["recognised_ms"] / LIMIT_MS):
            yield f"{row['points']} points for {row['recognised_ms']} ms"
    elif row["points"]:
        yield f"{row['points']} points for {row['outcome']}"
    elif row["outcome"] == "timeout" and row["timeout_reason"] is None and is_koala:
        in_time = [bubble for bubble, moment in zip(bubbles, moments, strict=True) if moment < LIMIT_MS]
        if shown_px(in_time) > NAMED_PX + DOUBT_PX:
            yield f"a timeout, though {shown_px(in_time)} px were to be seen in time"


def moments_of(log: Iterable[Batch]) -> Iterator[int]:
    """When the view of the first n bubbles was there, ms: its last one's arrival, or the soonest possible."""
    arrivals = [batch.arrived_ms for batch in log for _ in batch.bubbles]
    return (max(arrived_ms, TICK_MS * n) for n, arrived_ms in enumerate(arrivals))


def shown_px(bubbles: Iterable[Bubble]) -> int:
    """How much of a photograph these bubbles reveal to the partner, which looks at its middle 224 px."""
    mask = np.zeros((256, 256), bool)
    for x, y, _ in bubbles:
        mask[max(0, y - 10) : y + 11, max(0, x - 10) : x + 11] = True
    return int(mask[16:240, 16:240].sum())
