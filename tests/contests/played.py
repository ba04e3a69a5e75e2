"""Rounds played without a browser, as quickly as a test says; and boards counted in the plainest way."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from unittest.mock import patch

import redis
from sqlalchemy import insert, text, update

from clickme.catalogue.models import Image
from clickme.contests import service as contests
from clickme.contests.boards import MILLION, Board, Entry, Score, board_of_contest
from clickme.contests.leaderboard import Leaderboards
from clickme.contests.models import Contest, Counts
from clickme.game.closing import Ending, end
from clickme.game.models import Outcome, Round
from clickme.kit.clock import as_time
from clickme.kit.house import House
from clickme.players.models import Player
from fake_clock import FakeClock

Line = tuple[int, str, int]  # place, name, score in millionths
UNSEEN = """
SELECT id FROM images
WHERE id NOT IN (SELECT image_id FROM rounds WHERE player_id = :player) ORDER BY id LIMIT 1
"""


class Town:
    """Players of a house, their rounds and contests, at the time of a clock that the test moves."""

    def __init__(self, house: House, clock: FakeClock) -> None:
        self.house = house
        self.clock = clock

    def boards(self, zone: str = "UTC") -> Leaderboards:
        """A server's leaderboards."""
        return Leaderboards(self.house.database, self.house.redis_url, zone, self.clock)

    @property
    def now(self) -> datetime:
        return as_time(self.clock.now())

    def photographs(self, count: int) -> None:
        """That there are as many photographs; there is nothing to see on them."""
        rows = [
            {
                "class_index": 0,
                "sha256": f"{i:064}",
                "source_sha256": f"{i:064}",
                "source_path": "x",
                "lot": i,
                "maps": 0,
            }
            for i in range(count)
        ]
        with self.house.database.transaction() as session:
            session.execute(insert(Image), rows)

    def player(self, name: str) -> int:
        with self.house.database.transaction() as session:
            player = Player(name=name, consent_version="test")
            session.add(player)
            session.flush()
            return player.id

    def ban(self, player_id: int, banned: bool = True) -> None:
        """Without telling the leaderboards."""
        with self.house.database.transaction() as session:
            session.execute(
                update(Player).where(Player.id == player_id).values(banned_at=self.now if banned else None)
            )

    def contest(
        self,
        name: str = "Sprint",
        *,
        opens_in: float | None = None,
        closes_in: float = 3600,
        counts: Counts = Counts.POINTS,
        zone: str = "UTC",
        rules: str = "",
    ) -> Contest:
        """Both in s from now."""
        with self.house.database.transaction() as session:
            return contests.create(
                session,
                name=name,
                opens_at=None if opens_in is None else as_time(self.clock.now() + opens_in),
                closes_at=as_time(self.clock.now() + closes_in),
                zone=zone,
                rules=rules,
                counts=counts,
                clock=self.clock,
            )

    def begin(self, player_id: int) -> int:
        """A round of this player's, begun now, in the contest that is open."""
        with self.house.database.transaction() as session:
            contest = contests.open_at(session, self.now)
            played = Round(
                player_id=player_id,
                image_id=session.scalar(text(UNSEEN), {"player": player_id}),
                contest_id=contest.id if contest else None,
                begun_at=self.now,
                rules={"limit_ms": 7000},
            )
            session.add(played)
            session.flush()
            return played.id

    def end(self, boards: Leaderboards, player_id: int, round_id: int, points: float | None) -> list[Score]:
        """End it now, recognised for so many points or not; what is to be shown."""
        outcome = Outcome.TIMEOUT if points is None else Outcome.RECOGNISED
        with self.house.database.transaction() as session:
            ending = Ending(
                round_id,
                outcome,
                self.now,
                recognised_ms=None if points is None else 1,
                points=points or 0.0,
            )
            assert round_id in end(session, [ending])
            return boards.scores(session, [(player_id, self.now)])

    def play(self, boards: Leaderboards, player_id: int, *points: float | None) -> None:
        """Whole rounds, shown."""
        for each in points:
            boards.show(self.end(boards, player_id, self.begin(player_id), each))

    def expected(self, board: Board) -> list[Line]:
        """A board, counted round by round: all its lines."""
        with self.house.database.transaction() as session:
            rows = session.execute(
                text(
                    "SELECT name, rounds.points, ended_at, contest_id "
                    "FROM rounds JOIN players ON players.id = player_id "
                    "WHERE outcome = 'recognised' AND banned_at IS NULL"
                )
            ).all()
            final = session.execute(
                text(
                    "SELECT name, score FROM contest_standings JOIN players ON players.id = player_id "
                    "WHERE contest_id = :id AND banned_at IS NULL"
                ),
                {"id": board.contest_id},
            ).all()
        totals: Counter[str] = Counter()
        for row in rows if not board.is_final else ():
            if board.begins is not None and not board.begins <= row.ended_at < (board.ends or row.ended_at):
                continue
            if board.contest_id in (None, row.contest_id):
                totals[row.name] += MILLION if board.counts == "rounds" else round(row.points * MILLION)
        for row in final if board.is_final else ():
            totals[row.name] += row.score
        scores = {name: score for name, score in totals.items() if score}
        lines = [
            (1 + sum(other > score for other in scores.values()), name, score)
            for name, score in scores.items()
        ]
        return sorted(lines, key=lambda line: (-line[2], line[1]))

    def contest_boards(self) -> list[Board]:
        with self.house.database.transaction() as session:
            return [board_of_contest(contest) for contest in contests.contests(session)]


def lines(entries: Iterable[Entry]) -> list[Line]:
    return [(entry.place, entry.name, entry.score) for entry in entries]


@contextmanager
def cut_off(boards: Leaderboards) -> Iterator[None]:
    """This server does not reach its Redis."""
    pool = boards.cache.client.connection_pool
    with patch.object(pool, "get_connection", side_effect=redis.ConnectionError("cut off")):
        yield
