"""What a report says of rounds of which the ends are known beforehand."""

import numpy as np
import pytest

from clickme.game.rules import Rules
from clickme.simulate.crowd import Crowd, Plan
from clickme.simulate.report import Report
from clickme.simulate.tally import Painting, Timings


def test_percentiles_are_of_all_that_was_timed() -> None:
    timings = Timings()
    assert timings.in_ms() == {}
    taken = np.random.default_rng(0).permutation(101) / 1000
    for seconds in taken:
        timings.add(float(seconds))
    assert timings.in_ms() == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}


def painting(round_id: int, handed: int, acknowledged: int, outcome: str = "timeout") -> Painting:
    made = Painting(round_id, "", Rules(), (), began=0.0)
    made.handed, made.acknowledged, made.outcome = handed, acknowledged, outcome
    return made


def report(kept: dict[int, int], *paintings: Painting) -> Report:
    crowd = Crowd(Plan("http://nowhere", players=1, seconds=1))
    crowd.seconds = 1.0
    crowd.tally.paintings.extend(paintings)
    return Report.of(crowd, kept)


@pytest.mark.parametrize(
    ("sent", "acknowledged", "stored", "lost", "too_many"),
    [
        (140, 140, 140, 0, 0),
        (140, 138, 138, 0, 0),
        (140, 138, 140, 0, 0),  # its acknowledgement was lost
        (140, 140, 138, 2, 0),
        (140, 140, 142, 0, 2),
        (0, 0, 0, 0, 0),
    ],
)
def test_what_is_acknowledged_is_held_against_what_is_stored(
    sent: int, acknowledged: int, stored: int, lost: int, too_many: int
) -> None:
    kept = {2: 10} | ({1: stored} if stored else {})
    said = report(kept, painting(1, sent, acknowledged), painting(2, 10, 10, "recognised"))
    assert (said.bubbles_lost, said.bubbles_too_many) == (lost, too_many)
    assert said.whole == (lost == too_many == 0)
    assert said.bubbles_unanswered == sent - acknowledged
    assert said.bubbles_stored == stored + 10
    assert said.outcomes == {"timeout": 1, "recognised": 1}
    assert ("NOT WHOLE" in "\n".join(said.lines())) != said.whole


def test_one_round_does_not_make_good_for_another() -> None:
    said = report({1: 2, 2: 6}, painting(1, 4, 4), painting(2, 4, 4))
    assert said.bubbles_stored == said.bubbles_acknowledged
    assert not said.whole


def test_a_round_that_the_server_did_not_know_counts_once_it_is_pressed_again() -> None:
    first = painting(1, 4, 0, "")
    first.given_up = True
    said = report({1: 8}, first, painting(1, 8, 8))
    assert (said.rounds, said.bubbles_stored, said.whole) == (1, 8, True)
