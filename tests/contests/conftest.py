"""What tests of contests stand on."""

import pytest

from clickme.kit.house import House
from contests.played import Town
from fake_clock import FakeClock


@pytest.fixture
def town(house: House, clock: FakeClock) -> Town:
    """An empty house with a hundred photographs, at half past twelve."""
    town = Town(house, clock)
    town.photographs(100)
    return town
