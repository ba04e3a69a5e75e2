"""What tests stand on that break things while people play; and the table that `make chaos` prints."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.campaign import Campaign, furnish
from chaos.size import IS_LONG
from chaos.table import Record, table
from clickme.kit.house import House
from clickme.settings import Settings


@pytest.fixture
def campaign(
    house: House, settings: Settings, koala_model: Path, record_property: Record
) -> Iterator[Campaign]:
    furnish(house, koala_model)
    campaign = Campaign(house, settings)
    campaign.record = record_property
    yield campaign
    campaign.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if IS_LONG:
        reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
        terminalreporter.ensure_newline()
        for line in table([each for report in reports for each in report.user_properties]):
            terminalreporter.write_line(line)
