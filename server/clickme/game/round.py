"""One round as a state machine. Pure: it is told what happened and when, and knows nothing else.

    dealt ──begin──► running ──recognised, time is up──► ended
      └────────────────┴──────────skip, flag──────────────► ended

Times are seconds on the server's clock. A round that has ended still takes in, for a moment, bubbles that
were painted before the browser could know of the end; they are kept, and change nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from clickme.game.models import Outcome, Reason
from clickme.game.rules import LATE_MS, LEAD_MS, Bubble, Refusal, Rules, check, earliest_ms, points


@dataclass
class Round:
    """`wanted` are the classes that count as the label: its own and its synonyms."""

    rules: Rules
    wanted: frozenset[int]
    begun: float | None = None
    ended: float | None = None
    outcome: Outcome | None = None
    reason: Reason | None = None  # of a timeout that was not the player's
    recognised_ms: int | None = None
    bubbles: list[Bubble] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)  # when each bubble came, s

    @property
    def running(self) -> bool:
        return self.begun is not None and self.ended is None

    @property
    def deadline(self) -> float:
        """When the time is up."""
        return self._begun() + self.rules.limit_ms / 1000

    @property
    def points(self) -> float:
        """In [0, 1]; zero unless recognised."""
        return 0.0 if self.recognised_ms is None else points(self.rules, self.recognised_ms)

    def closed(self, now: float) -> bool:
        """Whether it has ended so long ago that nothing more can come of it."""
        return self.ended is not None and now > self.ended + LATE_MS / 1000

    def left_ms(self, now: float) -> int:
        return max(0, round((self.deadline - now) * 1000))

    def begin(self, now: float) -> None:
        """The first press. A second `begin` of a running round changes nothing."""
        self._not_over()
        if self.begun is None:
            self.begun = now

    def admit(
        self, first: int, bubbles: Sequence[Bubble], now: float, *, after: Sequence[Bubble] = ()
    ) -> list[Bubble]:
        """Those of `bubbles`, the first of which has index `first`, that are new and may be kept.

        What is already here, or was let in just before (`after`), is passed over, whatever it says: the log
        is idempotent by index. Nothing is changed: once the bubbles are in the log, `keep` takes them in.
        Refusal if the brush's laws, the order or the end forbid them.
        """
        here = len(self.bubbles) + len(after)
        if self.begun is None:
            raise Refusal("not_begun", "The round has not begun.")
        if self.closed(now):
            raise Refusal("round_over", "The round is over.")
        if first > here:
            raise Refusal("gap", f"Bubble {here} has to come before bubble {first}.")
        if first + len(bubbles) > self.rules.most_bubbles:
            raise Refusal("too_many", f"A round has at most {self.rules.most_bubbles} bubbles.")
        new = list(bubbles[here - first :])
        until = now if self.ended is None else self.ended
        if self.ended is not None and new and new[-1].t > (until - self.begun) * 1000 + LEAD_MS:
            raise Refusal("round_over", "The round was over by then.")
        last = after[-1] if after else self.bubbles[-1] if self.bubbles else None
        check(self.rules, last, new, (until - self.begun) * 1000)
        return new

    def keep(self, bubbles: Iterable[Bubble], arrived: float) -> None:
        """Take in bubbles that `admit` let through at the moment `arrived`."""
        for bubble in bubbles:
            self.bubbles.append(bubble)
            self.arrivals.append(arrived)

    def recall(self, batches: Iterable[tuple[Iterable[Bubble], int | None]], now: float) -> None:
        """Take in what the log holds: bubbles, and how many ms into the round they came.

        Where it does not say so, they count as having come now, which is later, and so earns nobody points.
        """
        for bubbles, arrived_ms in batches:
            if self.begun is None or arrived_ms is None:
                self.keep(bubbles, now)
            else:
                self.keep(bubbles, self.begun + arrived_ms / 1000)

    def in_time(self) -> int:
        """How many bubbles, from the first on, came before the time was up: what the partner may see."""
        count = len(self.bubbles)
        while count and self.moment_ms(count) >= self.rules.limit_ms:
            count -= 1
        return count

    def moment_ms(self, count: int) -> int:
        """When a view of `count` bubbles was there to be recognised, in ms.

        The arrival of its last bubble, or the soonest the brush can have painted it if that is later: no
        browser earns by sending ahead of its brush.
        """
        arrived = round((self.arrivals[count - 1] - self._begun()) * 1000)
        return max(arrived, earliest_ms(self.rules, count))

    def judge(self, count: int, top: Sequence[int], now: float) -> bool:
        """The partner's verdict on the view of the first `count` bubbles, best class first.

        True if that ended the round. A verdict that comes after the deadline speaks of what was painted
        before it and still counts: a slow partner costs nobody points (promise 1).
        """
        if not self.running or not self.wanted.intersection(top[: self.rules.top_k]):
            return False
        moment = self.moment_ms(count)
        if moment >= self.rules.limit_ms:
            return False
        self.recognised_ms = moment
        self._end(Outcome.RECOGNISED, now)
        return True

    def expire(self, now: float, reason: Reason | None = None) -> None:
        """The time is up; `reason` says why the partner has not seen all that was painted, if it has not."""
        if self.running:
            self.reason = reason
            self._end(Outcome.TIMEOUT, max(now, self.deadline))

    def skip(self, now: float) -> None:
        self._not_over()
        self._end(Outcome.SKIPPED, now)

    def flag(self, now: float) -> None:
        self._not_over()
        self._end(Outcome.FLAGGED, now)

    def _end(self, outcome: Outcome, now: float) -> None:
        self.ended = now
        self.outcome = outcome

    def _not_over(self) -> None:
        if self.ended is not None:
            raise Refusal("round_over", "The round is over.")

    def _begun(self) -> float:
        if self.begun is None:
            raise Refusal("not_begun", "The round has not begun.")
        return self.begun
