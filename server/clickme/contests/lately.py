"""What was asked a moment ago is not asked again: many look at one board."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from clickme.kit.clock import Clock

KEPT = 1.0  # s, that an answer is good for at least
SHARE = (
    20  # and so many times as long as it took to get: a slow question has a twentieth of the database at most
)

T = TypeVar("T")


class Answer(NamedTuple, Generic[T]):
    value: T
    good_until: float  # s


class Lately(Generic[T]):
    """Answers by their questions. While one thread asks, the others have the old answer, or wait."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.answers: dict[object, Answer[T]] = {}
        self.asking: dict[object, Lock] = {}

    def get(self, question: object, ask: Callable[[], T]) -> T:
        old = self.answers.get(question)
        if old is not None and self.clock.now() < old.good_until:
            return old.value
        turn = self.asking.setdefault(question, Lock())
        if not turn.acquire(blocking=old is None):
            assert old is not None
            return old.value
        try:
            newer = self.answers.get(question)
            if newer is not None and newer is not old:
                return newer.value
            began = self.clock.now()
            value = ask()
            now = self.clock.now()
            self.answers[question] = Answer(value, now + max(KEPT, SHARE * (now - began)))
            return value
        finally:
            turn.release()
