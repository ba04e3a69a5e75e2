"""A page whose partner is killed in the middle of a round, and comes back."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from browser.game import PHONE, Game
from browser.hand import Finger, Mouse
from browser.photographs import UNSEEN, hang
from browser.rows import round_row, stored
from clickme.kit.home import open_home
from clickme.kit.house import House
from clickme.settings import Settings
from clickme_partner.install import install
from conftest import RunningServer, quiet

RESTING = re.compile("I am resting for a moment")


class PartnerService:
    """`clickme partner serve`, always on the same port."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = 0
        self.start()

    def start(self) -> None:
        command = ["partner", "serve", "--home", self.home, "--port", self.port]
        self.running = RunningServer("The partner", *command)
        self.port = int(self.running.url.rpartition(":")[2])


@pytest.fixture
def service(koala_model: Path, tmp_path: Path, settings: Settings) -> Iterator[PartnerService]:
    """The small partner, which knows a koala when it sees enough of one: it starts in a moment."""
    home = open_home(tmp_path / "partner-home")
    install(
        None,
        file=koala_model,
        normalisation="inside",
        folder=home.partner,
        cache=settings.cache,
        report=quiet,
    )
    service = PartnerService(home.root)
    yield service
    if service.running.process.poll() is None:
        assert service.running.stop() == 0


@pytest.mark.parametrize(("options", "hand"), [({}, Mouse), (PHONE, Finger)], ids=["laptop", "phone"])
def test_a_partner_killed_in_the_middle_of_a_round_rests_and_is_found_again(
    house: House,
    serve: Callable[[], RunningServer],
    settings: Settings,
    service: PartnerService,
    visit: Callable[..., Game],
    options: dict[str, Any],
    hand: Callable[[Page], Mouse | Finger],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Pictures of both go to the folder CLICKME_SCREENSHOTS, where it is set."""
    folder = Path(os.environ.get("CLICKME_SCREENSHOTS", tmp_path))
    hang(house, "red panda")
    settings.partner_url = SecretStr(service.running.url)
    game = visit(serve().url, **options)
    game.agree()
    says, eyes = game.page.locator("#says"), game.page.locator("#partner")

    def picture(of: str) -> None:
        game.page.screenshot(path=folder / f"{of}-{request.node.callspec.id}.png")

    # It is killed, and stays away: the round goes on to its end, and says that it was not the player.
    game.ready()
    hang(house, "koala")
    painter = hand(game.page)
    round_id = game.begin(UNSEEN, painter)
    game.wire.until(lambda: game.wire.acknowledged(round_id) >= 4)
    service.running.stop(signal.SIGKILL)
    expect(says).to_have_text(RESTING)
    expect(eyes).to_have_attribute("data-mood", "resting")
    picture("resting")
    end = game.ended(round_id)
    painter.lift()
    assert (end["outcome"], end["reason"], end["points"]) == ("timeout", "partner_away", 0)
    expect(says).to_have_text("I missed it: that was not you. What you painted is kept.")
    picture("missed")
    assert stored(house, round_id) == game.wire.painted(round_id)
    row = round_row(house, round_id)
    assert (row["timeout_reason"], row["partner"].partition("@")[0]) == ("partner_away", "koala")

    # It comes back in the middle of the next round, which goes on as if nothing had been.
    assert game.ready() == "koala"
    expect(says).to_have_text(RESTING)
    round_id = game.begin((90, 90), painter)
    service.start()
    game.follow([(90, 90), (160, 100), (160, 170), (90, 160)], round_id, painter)
    painter.lift()
    end = game.ended(round_id)
    assert end["outcome"] == "recognised"
    assert end["points"] == pytest.approx(1 - round_row(house, round_id)["recognised_ms"] / 7000)
    assert round_row(house, round_id)["timeout_reason"] is None
    assert [said["away"] for said in game.wire.heard if said["t"] == "partner"] == [True, False]
    expect(eyes).to_have_attribute("data-mood", "delighted")
    picture("back")


def test_a_partner_that_hangs_in_the_middle_of_a_round_rests_and_is_found_again(
    house: House,
    serve: Callable[[], RunningServer],
    settings: Settings,
    service: PartnerService,
    visit: Callable[..., Game],
) -> None:
    hang(house, "red panda")
    settings.partner_url = SecretStr(service.running.url)
    game = visit(serve().url)
    game.agree()
    game.ready()
    hang(house, "koala")
    mouse = Mouse(game.page)
    round_id = game.begin(UNSEEN, mouse)
    game.wire.until(lambda: game.wire.acknowledged(round_id) >= 4)
    service.running.process.send_signal(signal.SIGSTOP)
    end = game.ended(round_id)
    assert (end["outcome"], end["reason"]) == ("timeout", "partner_away")
    assert stored(house, round_id) == game.wire.painted(round_id)
    service.running.process.send_signal(signal.SIGCONT)
    assert game.ready() == "koala"
    expect(game.page.locator("#partner")).to_have_attribute("data-mood", "calm")
    assert game.paint([(90, 90), (160, 100), (160, 170), (90, 160)])["outcome"] == "recognised"
