"""The laws of turns, over everything that owners and a partner can do."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from clickme_partner.turns import Turns

OWNERS = st.integers(0, 4)
SEATS = st.integers(0, 2)
Shown = tuple[int, int, int]  # owner, seat, and how many were shown before it


class Partner(RuleBasedStateMachine):
    """Remembers, in the plainest way, all that was shown, and holds every turn against it."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: Turns[Shown] = Turns()
        self.newest: dict[tuple[int, int], Shown] = {}  # of those who wait
        self.out: list[Shown] = []
        self.shown = 0
        self.passed: Counter[int] = Counter()  # turns of others since an owner began to wait

    @rule(owner=OWNERS, seat=SEATS)
    def show(self, owner: int, seat: int) -> None:
        if not self.waits(owner):
            self.passed[owner] = 0
        self.shown += 1
        self.newest[owner, seat] = (owner, seat, self.shown)
        self.turns.offer(owner, seat, (owner, seat, self.shown))

    @rule(owner=OWNERS, seat=SEATS)
    def leave(self, owner: int, seat: int) -> None:
        self.newest.pop((owner, seat), None)
        self.turns.leave(owner, seat)

    @rule(most=st.integers(1, 4))
    def take(self, most: int) -> None:
        free = {owner for owner, _ in self.newest} - {owner for owner, _, _ in self.out}
        taken = self.turns.take(most)
        assert len(taken) == min(most, len(free))  # nobody waits for company
        for shown in taken:
            owner, seat, _ = shown
            assert self.newest.pop((owner, seat)) == shown  # the newest there is
            assert owner in free
            free.discard(owner)  # one turn at a time
            # No starvation: in this queue of five, every other owner came once at most before.
            assert self.passed[owner] < 5
            self.passed[owner] = 0
            for other in free:
                self.passed[other] += 1
        self.out += taken

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        shown = data.draw(st.sampled_from(self.out))
        self.out.remove(shown)
        self.turns.done(shown[0])

    @precondition(lambda self: self.out)
    @rule()
    def put_back_all(self) -> None:
        """As when a look fails: they come first again, in their order, with the newest they have."""
        turns = list(self.out)
        for owner, seat, number in reversed(turns):
            self.newest.setdefault((owner, seat), (owner, seat, number))
            self.turns.put_back(owner, seat, (owner, seat, number))
        self.out.clear()
        again = self.turns.take(len(turns))
        assert [shown[:2] for shown in again] == [shown[:2] for shown in turns]
        for owner, seat, number in again:
            assert self.newest.pop((owner, seat)) == (owner, seat, number)
        self.out = again

    def waits(self, owner: int) -> bool:
        return any(waiting == owner for waiting, _ in self.newest)

    @invariant()
    def nobody_is_forgotten_and_nothing_is_kept(self) -> None:
        assert len(self.turns) == len(self.newest)
        assert set(self.turns) == set(self.newest.values())
        assert self.turns.ready() == bool(
            {owner for owner, _ in self.newest} - {owner for owner, _, _ in self.out}
        )


TestPartner = Partner.TestCase


@given(st.integers(1, 40), st.integers(1, 16), st.integers(1, 30))
def test_past_capacity_everybody_gets_the_same(rounds: int, batch: int, batches: int) -> None:
    """Rounds that always have something new to show, and far too many of them."""
    turns: Turns[int] = Turns()
    served: Counter[int] = Counter()
    for _ in range(batches):
        for round_ in range(rounds):
            turns.offer(round_, round_, round_)
        taken = turns.take(batch)
        served.update(taken)
        for round_ in taken:
            turns.offer(round_, round_, round_)  # something new came while it was looked at
            turns.done(round_)
    counts = [served[round_] for round_ in range(rounds)]
    assert max(counts) - min(counts) <= 1


def test_an_owner_with_many_seats_has_one_place() -> None:
    turns: Turns[str] = Turns()
    for seat in ("first", "second", "third"):
        turns.offer("greedy", seat, seat)
    turns.offer("honest", "only", "only")
    assert turns.take(4) == ["first", "only"]
    for owner in ("greedy", "honest"):
        turns.done(owner)
    turns.offer("honest", "only", "newer")
    assert turns.take(1) == ["second"]
    turns.done("greedy")
    assert turns.take(1) == ["newer"]
