"""What browser tests stand on: a real Chromium, and a real server with the real ResNet-50."""

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from browser.game import Game
from clickme.kit.home import open_home
from clickme.settings import Settings
from clickme_partner.registry import Installed
from conftest import RunningServer

failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets fixtures know, as they are taken down, whether their test has failed."""
    report = yield
    item.stash[failed] = item.stash.get(failed, False) or report.failed
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """An installed Chromium, else Playwright's own.

    For a module, not for the session: while Playwright runs, an event loop counts as running in this thread,
    and other tests could not run theirs.
    """
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    arguments = ["--disable-gpu", "--disable-background-networking", "--no-first-run"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's own refuses to work for root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=next(filter(None, found), None), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def serve(
    serve: Callable[[], RunningServer], settings: Settings, resnet50: Installed
) -> Callable[[], RunningServer]:
    """Starts the same server, with the real ResNet-50 in its home."""
    partner = open_home(settings.home).partner
    shutil.rmtree(partner)
    partner.symlink_to(resnet50.path.parent)  # 100 MB that no test changes
    return serve


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Game]]:
    """Opens the game at an address in a new browser profile; where the test fails, keeps a picture of it."""
    games: list[Game] = []

    def visit(url: str, **options: Any) -> Game:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        games.append(Game(context.new_page()))
        games[-1].page.goto(url)
        return games[-1]

    yield visit
    for number, game in enumerate(games):
        if request.node.stash.get(failed, False):
            game.page.screenshot(path=tmp_path / f"failed-{number}.png")
        game.page.context.close()
