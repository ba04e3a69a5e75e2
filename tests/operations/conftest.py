"""What tests of operations stand on: commands that find the test's house."""

import pytest

from clickme.settings import Settings
from conftest import environment


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands find it by the environment."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
