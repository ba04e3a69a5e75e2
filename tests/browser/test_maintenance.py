"""A page during maintenance: it says kindly what is up, and plays on by itself when that is over."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import expect

from browser.game import PHONE, Game
from clickme.kit import maintenance
from clickme.kit.house import House
from conftest import RunningServer, add_images

WORDS = "We move to a larger house. Back at noon."


def begins_nothing(url: str) -> bool:
    """Whether the server has noticed: it looks once a second."""
    return httpx2.post(f"{url}/api/players", json={"consent": "none"}).status_code == 503


@pytest.mark.parametrize("options", [{}, PHONE], ids=["laptop", "phone"])
def test_the_page_rests_and_plays_on_by_itself(
    house: House,
    serve: Callable[[], RunningServer],
    visit: Callable[..., Game],
    options: dict[str, Any],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """A picture of it goes to the folder CLICKME_SCREENSHOTS, where it is set."""
    folder = Path(os.environ.get("CLICKME_SCREENSHOTS", tmp_path))
    add_images(house, 3, class_index=7)
    server = serve()
    game = visit(server.url, **options)
    game.agree()
    game.ready()
    with house.database.transaction() as session:
        maintenance.begin(session, WORDS)
    game.wire.until(lambda: begins_nothing(server.url))

    # The photograph lies there and is not begun: a press is answered with what is up.
    game.stage.press(" ")
    rests = game.page.locator("#rests")
    expect(rests).to_contain_text(WORDS)
    expect(game.stage).to_be_hidden()
    game.page.screenshot(path=folder / f"maintenance-{request.node.callspec.id}.png")

    with house.database.transaction() as session:
        maintenance.end(session)
    expect(game.stage).to_be_visible(timeout=15_000)
    expect(rests).to_be_hidden()
    game.ready()
    before = len(game.wire.sent)
    game.stage.press(" ")
    assert game.ended(game.begun(before))["outcome"] == "timeout"
