"""The round as a state machine, against a model that keeps only the facts."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from clickme.game.models import Outcome
from clickme.game.round import Round
from clickme.game.rules import LATE_MS, LEAD_MS, Bubble, Refusal, Rules, earliest_ms

LABEL, OTHER = 105, 7
RULES = Rules()


class RoundMachine(RuleBasedStateMachine):
    """Anything may be said to a round at any time; time goes forward."""

    def __init__(self) -> None:
        super().__init__()
        self.round = Round(RULES, frozenset({LABEL}))
        self.now = 1000.0
        self.sent: list[Bubble] = []
        self.endings: list[Outcome] = []
        self.paid: list[float] = []

    def note_end(self) -> None:
        if self.round.outcome is not None and not self.endings:
            self.endings.append(self.round.outcome)
            self.paid.append(self.round.points)

    @rule(seconds=st.floats(0, 3))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        if self.round.running and self.now >= self.round.deadline:
            self.round.expire(self.now)
            self.note_end()

    @rule()
    def begin(self) -> None:
        try:
            self.round.begin(self.now)
        except Refusal as refusal:
            assert refusal.code == "round_over"
            assert self.endings

    @rule(count=st.integers(1, 4), again=st.integers(0, 3), gap=st.booleans())
    def bubbles(self, count: int, again: int, gap: bool) -> None:
        """New ones, after some that were sent before, or with a hole before them."""
        first = max(0, len(self.sent) - again)
        tick = self.sent[-1].t // 50 + 1 if self.sent else 0
        new = [Bubble(100, 100, (tick + i) * 50) for i in range(count)]
        try:
            kept = self.round.admit(first + 10 * gap, self.sent[first:] + new, self.now)
        except Refusal as refusal:
            match refusal.code:
                case "not_begun":
                    assert self.round.begun is None
                case "round_over":
                    ended, begun = self.round.ended, self.round.begun
                    assert ended is not None and begun is not None
                    painted_later = new[-1].t > (ended - begun) * 1000 + LEAD_MS
                    assert painted_later or self.now > ended + LATE_MS / 1000
                case "gap":
                    assert gap
                case "too_many":
                    assert first + 10 * gap + len(self.sent[first:]) + count > RULES.most_bubbles
                case "too_late":
                    assert new[-1].t >= RULES.limit_ms
                case "too_fast":
                    reached = self.round.ended or self.now
                    assert new[-1].t > (reached - (self.round.begun or self.now)) * 1000
                case code:
                    raise AssertionError(code) from refusal
        else:
            assert not gap
            assert kept == new
            self.round.keep(kept, self.now)
            self.sent += new

    @precondition(lambda self: self.sent)
    @rule(right=st.booleans(), data=st.data())
    def verdict(self, right: bool, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, len(self.sent)))
        was_running = self.round.running
        ended = self.round.judge(count, [1, 2, 3, LABEL if right else OTHER, 4], self.now)
        if ended:
            assert was_running
            assert right
            self.note_end()

    @rule(how=st.sampled_from(["skip", "flag"]))
    def leave(self, how: str) -> None:
        try:
            getattr(self.round, how)(self.now)
        except Refusal as refusal:
            assert refusal.code == "round_over"
            assert self.endings
        self.note_end()

    @invariant()
    def it_ends_once(self) -> None:
        assert self.endings == ([self.round.outcome] if self.round.outcome else [])
        assert self.round.points == (self.paid[0] if self.paid else 0.0)

    @invariant()
    def only_recognition_pays(self) -> None:
        assert 0 <= self.round.points <= 1
        assert (self.round.recognised_ms is not None) == (self.round.outcome is Outcome.RECOGNISED)

    @invariant()
    def nothing_is_lost_or_kept_twice(self) -> None:
        assert self.round.bubbles == self.sent


TestRound = RoundMachine.TestCase
TestRound.settings = settings(max_examples=150, stateful_step_count=30)


def painted(count: int, arrived: float, begun: float = 0.0) -> Round:
    """A running round with `count` bubbles, all of which arrived at one moment."""
    running = Round(RULES, frozenset({LABEL}))
    running.begin(begun)
    running.keep([Bubble(100, 100, 50 * i) for i in range(count)], arrived)
    return running


def test_the_moment_is_the_arrival_of_the_last_bubble_in_the_view_however_late_the_verdict() -> None:
    running = painted(10, arrived=2.0)
    assert running.judge(10, [LABEL], now=6.9)
    assert running.recognised_ms == 2000
    assert running.points == pytest.approx(5 / 7)


def test_a_verdict_after_the_deadline_on_a_view_before_it_counts() -> None:
    running = painted(10, arrived=6.999)
    assert running.judge(10, [LABEL], now=8.5)
    assert running.outcome is Outcome.RECOGNISED


def test_bubbles_that_arrive_after_the_deadline_earn_nothing() -> None:
    running = painted(10, arrived=7.0)
    assert running.in_time() == 0
    assert not running.judge(10, [LABEL], now=7.1)
    running.expire(7.1)
    assert (running.outcome, running.points) == (Outcome.TIMEOUT, 0.0)


def test_sending_ahead_of_the_brush_earns_nothing() -> None:
    """Twenty bubbles at once, as far ahead as the lead allows: paid as if painted at the brush's pace."""
    running = painted(20, arrived=0.0)
    assert running.judge(20, [LABEL], now=0.1)
    assert running.recognised_ms == earliest_ms(RULES, 20) == 950


def test_a_synonym_of_the_label_is_the_label() -> None:
    running = Round(RULES, frozenset({638, 639}))
    running.begin(0.0)
    running.keep([Bubble(1, 1, 0)], 0.5)
    assert running.judge(1, [639], now=0.6)


def test_the_sixth_guess_does_not_count() -> None:
    running = painted(1, arrived=0.0)
    assert not running.judge(1, [1, 2, 3, 4, 5, LABEL], now=0.1)
