"""The page of leaderboards, which keeps itself up to date; and the contest's line beside the game."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from browser.game import PHONE, Game
from browser.line import line_to
from browser.photographs import hang
from clickme.contests import service
from clickme.contests.leaderboard import Leaderboards
from clickme.contests.models import Counts
from clickme.kit.clock import SystemClock
from clickme.kit.house import House
from conftest import RunningServer
from contests.played import Town
from fake_clock import FakeClock

PATIENCE = 20_000  # ms, for a page that looks every five seconds
TWO_HOURS = r"(2 h|1 h \d+ min)"  # or nearly so: machines are slow at times
WORDS = ("red panda", "German shepherd", "ring-tailed lemur", "jaguar (the big cat)")

RULES = """
# Prizes

1. A **cake** of the winner's choice
2. A mug

| for | who |
|-----|-----|
| fun | all |

Questions? [Write to us](https://example.org/).
"""


class Played(Town):
    """A town at the time of day, with four photographs and the boards of another server."""

    def __init__(self, house: House) -> None:
        clock = FakeClock()
        clock.moment = SystemClock().now()
        super().__init__(house, clock)
        hang(house, *WORDS)
        self.other = Leaderboards(house.database, house.redis_url, "UTC", clock)
        self.other.refresh()

    def earn(self, player: int, *points: float) -> None:
        self.play(self.other, player, *points)

    def newest(self) -> int:
        """The player who signed up last."""
        with self.house.database.transaction() as session:
            return int(session.scalars(text("SELECT max(id) FROM players")).one())


@pytest.fixture
def town(house: House) -> Played:
    return Played(house)


def names(page: Page) -> list[str]:
    return page.locator("#board .called").all_inner_texts()


def looks(game: Game) -> int:
    return sum("/api/leaderboard" in request for request in game.requests)


def test_lines_change_places_before_ones_eyes(
    town: Played, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    ann, bob = town.player("ann"), town.player("bob")
    town.earn(ann, 0.25)
    town.earn(bob, 0.5)
    game = visit(serve().url + "/leaderboard?scope=all")
    page = game.page
    assert names(page) == ["bob", "ann"]
    page.evaluate("window.isTheSame = true")
    town.earn(ann, 0.5)
    expect(page.locator("#entries tr").first).to_contain_text("ann", timeout=PATIENCE)
    expect(page.get_by_role("row", name="1 ann 75")).to_be_visible()
    assert names(page) == ["ann", "bob"]
    town.earn(town.player("cat"), 1.0)
    expect(page.locator("#entries tr")).to_have_count(3, timeout=PATIENCE)
    assert names(page) == ["cat", "ann", "bob"]
    assert page.evaluate("window.isTheSame")
    assert game.complaints == []


def test_ones_own_line_stays_in_sight(
    town: Played, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    for number in range(55):
        town.earn(town.player(f"player {number:02}"), 0.5)
    url = serve().url
    game = visit(url)
    game.agree()
    game.ready()
    game.complaints.clear()
    game.page.goto(url + "/leaderboard?scope=all")
    mine = game.page.locator(".mine")
    expect(mine.locator(".called")).to_be_in_viewport()
    expect(mine).to_contain_text("you")
    assert mine.locator(".place").inner_text() == "–"
    me = town.newest()
    town.earn(me, 0.25)
    expect(mine.locator(".place")).to_have_text("56", timeout=PATIENCE)
    expect(mine.locator(".gained")).to_have_text("25")
    town.earn(me, 1.0)
    expect(mine.locator(".place")).to_have_text("1", timeout=PATIENCE)
    expect(game.page.locator("#news")).to_have_text("You are 1st now.", timeout=2 * PATIENCE)
    expect(game.page.locator("#own tr")).to_have_count(0)
    game.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(mine.locator(".called")).to_be_in_viewport()
    assert game.complaints == []


def test_a_page_that_nobody_sees_asks_nothing(
    town: Played, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    game = visit(serve().url + "/credits")
    page = game.page
    page.clock.install()
    with page.expect_response("**/api/leaderboard*"):
        page.goto(page.url.replace("credits", "leaderboard"))
    with page.expect_response("**/api/leaderboard*"):
        page.clock.run_for(5000)
    hide = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); }"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide, True)
    page.evaluate(tell)
    before = looks(game)
    page.clock.run_for(600_000)
    assert looks(game) == before
    page.evaluate(hide, False)
    with page.expect_response("**/api/leaderboard*"):
        page.evaluate(tell)
    assert looks(game) == before + 1


def test_a_server_that_is_away_is_said_and_found_again(
    town: Played, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    town.earn(town.player("ann"), 0.25)
    with line_to(serve().url) as line:
        game = visit(line.url + "/credits")
        page = game.page
        page.clock.install()
        with page.expect_response("**/api/leaderboard*"):
            page.goto(line.url + "/leaderboard?scope=all")
        notice = page.locator("#notice")
        line.cut()
        for wait in (5000, 10_000):
            expect(notice).to_have_text("")
            with page.expect_event("requestfailed"):
                page.clock.run_for(wait)
        expect(notice).to_have_text("The server does not answer just now. These are its last standings.")
        assert names(page) == ["ann"]
        line.mend()
        with page.expect_response("**/api/leaderboard*"):
            # In one jump: the look's patience is on this clock, and would run out meanwhile.
            page.clock.fast_forward(20_000)
        expect(notice).to_have_text("")


def test_a_contest_is_told_with_its_rules_and_its_end(
    town: Played, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    url = serve().url
    town.contest("Autumn sprint", closes_in=7200, zone="Asia/Kolkata", rules=RULES, counts=Counts.ROUNDS)
    ann = town.player("ann")
    town.other.refresh()
    town.earn(ann, 0.25, 0.5)
    game = visit(url + "/leaderboard", timezone_id="Europe/Paris")
    page = game.page
    expect(page.get_by_role("link", name="Contest")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("heading", name="Autumn sprint")).to_be_visible()
    expect(page.locator("#state")).to_have_text("It is open.")
    expect(page.locator("#countdown")).to_have_text(
        re.compile(f"It closes in {TWO_HOURS}."), timeout=PATIENCE
    )
    expect(page.locator("#here")).to_contain_text("For you: ")
    page.get_by_text("Rules and prizes").click()
    expect(page.get_by_role("heading", name="Prizes")).to_be_visible()
    expect(page.get_by_role("row", name="1 ann 2")).to_be_visible()
    with town.house.database.transaction() as session:
        service.close_now(session, "Autumn sprint", SystemClock())
    expect(page.locator("#state")).to_have_text(
        "It is over. The last rounds are being counted.", timeout=PATIENCE
    )
    expect(page.locator("#countdown")).to_have_text("")
    assert game.complaints == []


def test_who_plays_sees_the_contest_and_what_is_left_of_it(
    town: Played, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    url = serve().url
    town.contest("Autumn sprint", closes_in=7200)
    game = visit(url)
    game.agree()
    game.ready()
    line = game.page.locator("#contest")
    expect(line).to_have_text(re.compile(f"Autumn sprint · {TWO_HOURS} left"))
    line.get_by_role("link").click()
    expect(game.page.get_by_role("heading", name="Autumn sprint")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_leaderboard_fits_its_screen(
    town: Played,
    serve: Callable[[], RunningServer],
    visit: Callable[..., Game],
    scheme: str,
    width: int,
    tmp_path: Path,
) -> None:
    """Pictures of it go to the folder CLICKME_SCREENSHOTS, where it is set."""
    folder = Path(os.environ.get("CLICKME_SCREENSHOTS", tmp_path))
    url = serve().url
    game = visit(url, color_scheme=scheme, **(PHONE if width == 390 else {}))
    page = game.page

    def picture(of: str, path: str) -> None:
        with page.expect_response("**/api/leaderboard*"):
            page.goto(f"{url}/{path}")
        page.wait_for_timeout(500)  # until what moves has come to rest
        page.screenshot(path=folder / f"{of}-{width}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    game.agree()
    game.ready()
    picture("leaderboard-nobody", "leaderboard")
    me = town.newest()
    town.contest("Autumn sprint", closes_in=3 * 24 * 3600, zone="Europe/Paris", rules=RULES)
    town.other.refresh()
    for number in range(60):
        town.earn(town.player(f"quiet-lantern-{4000 + number}"), 1 - number / 61, 0.5)
    town.earn(me, 0.25)
    picture("leaderboard-contest", "leaderboard")
    page.get_by_text("Rules and prizes").click()
    page.screenshot(path=folder / f"leaderboard-rules-{width}-{scheme}.png", full_page=True)
    town.earn(me, 1.0, 0.5)
    picture("leaderboard-all", "leaderboard?scope=all")
    game.page.goto(url)
    game.ready()
    page.wait_for_timeout(500)
    page.screenshot(path=folder / f"leaderboard-play-{width}-{scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
