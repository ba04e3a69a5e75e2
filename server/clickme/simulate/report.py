"""What became of a crowd's rounds, for people and for programs."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from clickme.simulate.crowd import Crowd
from clickme.simulate.tally import Painting


@dataclass(frozen=True)
class Report:
    """Times and rates are of what was measured: once all had come, until nobody began another round."""

    players: int
    seconds: float
    rounds: int
    outcomes: dict[str, int]  # `none`: its player never heard of an end
    points: float
    bubbles_sent: int
    bubbles_acknowledged: int
    bubbles_stored: int
    bubbles_unanswered: int  # sent, and the connection was lost or the round over before an answer came
    bubbles_lost: int  # acknowledged, and not stored: never more than 0
    bubbles_too_many: int  # stored, and never sent: never more than 0
    rounds_per_s: float
    frames_per_s: float  # acknowledged
    ack_ms: dict[str, float]  # from a frame to the first ack that counts all its bubbles
    verdict_ms: dict[str, float]  # from the frame that was recognised to the round's end
    reconnects: int
    errors: dict[str, int]
    finished: int  # players who had every photograph before the time was up
    client_cores: float  # that this program took,
    client_late_ms: dict[str, float]  # and how late it sent its frames

    @classmethod
    def of(cls, crowd: Crowd, kept: Mapping[int, int]) -> Self:
        """`kept` says how many bubbles of each round the server has."""
        tally, paintings = crowd.tally, crowd.tally.played
        return cls(
            players=crowd.plan.players,
            seconds=round(crowd.seconds, 2),
            rounds=len(paintings),
            outcomes=dict(Counter(painting.outcome or "none" for painting in paintings)),
            points=round(sum(painting.points for painting in paintings), 4),
            bubbles_sent=sum(painting.handed for painting in paintings),
            bubbles_acknowledged=sum(painting.acknowledged for painting in paintings),
            bubbles_stored=sum(kept.get(painting.round, 0) for painting in paintings),
            bubbles_unanswered=sum(painting.handed - painting.acknowledged for painting in paintings),
            bubbles_lost=sum(lost(painting, kept) for painting in paintings),
            bubbles_too_many=sum(too_many(painting, kept) for painting in paintings),
            rounds_per_s=round(tally.begun / crowd.seconds, 2),
            frames_per_s=round(len(tally.acks) / crowd.seconds, 1),
            ack_ms=tally.acks.in_ms(),
            verdict_ms=tally.verdicts.in_ms(),
            reconnects=tally.reconnects,
            errors=dict(tally.errors.most_common()),
            finished=tally.finished,
            client_cores=round(crowd.cores, 3),
            client_late_ms=tally.late.in_ms(),
        )

    @property
    def whole(self) -> bool:
        """Whether what was acknowledged is stored, once, and nothing else."""
        return self.bubbles_lost == self.bubbles_too_many == 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """Some sentences."""
        outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        yield f"{self.players:,} players, {self.seconds:.0f} s: {self.rounds:,} rounds: {outcomes or 'none'}"
        yield (
            f"{self.bubbles_sent:,} bubbles sent, {self.bubbles_acknowledged:,} acknowledged, "
            f"{self.bubbles_stored:,} stored"
        )
        if self.bubbles_unanswered:
            yield f"{self.bubbles_unanswered:,} had no answer: a connection was lost, or a round over"
        if not self.whole:
            yield (
                f"NOT WHOLE: {self.bubbles_lost:,} acknowledged bubbles are not stored, "
                f"{self.bubbles_too_many:,} are stored that nobody sent"
            )
        yield f"acknowledged after {spread(self.ack_ms)}; {self.frames_per_s:,.0f} frames a second"
        yield f"recognised after {spread(self.verdict_ms)}; {self.rounds_per_s:,.1f} rounds a second"
        if self.finished:
            yield f"{self.finished:,} players had every photograph before the time was up"
        if self.reconnects:
            yield f"{self.reconnects:,} connections lost"
        if self.errors:
            yield "errors: " + ", ".join(f"{code} {count:,}" for code, count in self.errors.items())
        late = self.client_late_ms.get("p99", 0.0)
        yield f"this program took {self.client_cores:.2f} cores, and sent its frames {late:.0f} ms late (p99)"


def lost(painting: Painting, kept: Mapping[int, int]) -> int:
    return max(0, painting.acknowledged - kept.get(painting.round, 0))


def too_many(painting: Painting, kept: Mapping[int, int]) -> int:
    return max(0, kept.get(painting.round, 0) - painting.handed)


def spread(ms: Mapping[str, float]) -> str:
    if not ms:
        return "no time that was measured"
    return f"{ms['p50']:.0f} ms (p50), {ms['p95']:.0f} (p95), {ms['p99']:.0f} (p99), {ms['max']:.0f} at most"
