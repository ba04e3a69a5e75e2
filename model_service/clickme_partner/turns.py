"""Whose turn it is at the partner. Pure: no thread, no clock."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from itertools import islice
from typing import Generic, TypeVar

Shown = TypeVar("Shown")


class Turns(Generic[Shown]):
    """Seats that wait, each with the newest that it has to show.

    An owner has one place in the queue, however many seats of theirs wait, and one turn at a time; their
    seats take these in order. What is newer takes the place of what is older. Owners who have waited longest
    come first: with n of them waiting, each comes within n turns.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[Hashable, OrderedDict[Hashable, Shown]] = OrderedDict()
        self._out: set[Hashable] = set()  # owners whose turn it is
        self._length = 0  # of all that wait: asked for at every stroke of everybody

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Shown]:
        return (shown for seats in self._waiting.values() for shown in seats.values())

    def waits(self, owner: Hashable, seat: Hashable) -> bool:
        return seat in self._waiting.get(owner, ())

    def ready(self) -> bool:
        """Whether anybody's turn can come."""
        return next(self._free(), None) is not None

    def offer(self, owner: Hashable, seat: Hashable, shown: Shown) -> None:
        """From now on this is what the seat has to show."""
        seats = self._waiting.setdefault(owner, OrderedDict())
        self._length += seat not in seats
        seats[seat] = shown

    def take(self, most: int) -> list[Shown]:
        """The next turns, `most` of them at most. Each owner has none until theirs is `done` or put back."""
        taken = []
        for owner in list(islice(self._free(), most)):
            seats = self._waiting.pop(owner)
            _, shown = seats.popitem(last=False)
            taken.append(shown)
            self._length -= 1
            if seats:
                self._waiting[owner] = seats  # behind all others
            self._out.add(owner)
        return taken

    def done(self, owner: Hashable) -> None:
        """Their turn is over."""
        self._out.discard(owner)

    def put_back(self, owner: Hashable, seat: Hashable, shown: Shown) -> None:
        """Their turn came to nothing: it is theirs again, before all others, with the newest there is."""
        self._out.discard(owner)
        seats = self._waiting.setdefault(owner, OrderedDict())
        self._length += seat not in seats
        seats.setdefault(seat, shown)
        seats.move_to_end(seat, last=False)
        self._waiting.move_to_end(owner, last=False)

    def leave(self, owner: Hashable, seat: Hashable) -> None:
        """What the seat has to show is of no interest any more."""
        seats = self._waiting.get(owner, OrderedDict())
        if seat in seats:
            self._length -= 1
            del seats[seat]
        if not seats:
            self._waiting.pop(owner, None)

    def _free(self) -> Iterator[Hashable]:
        return (owner for owner in self._waiting if owner not in self._out)
