"""The page of credits; and pictures of everything, for eyes to judge."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

import clickme.catalogue.demo
from browser.game import PHONE, Game
from browser.hand import Finger, Mouse
from browser.photographs import STROKES, UNSEEN, hang
from clickme.kit.house import House
from conftest import RunningServer


def test_everybody_who_took_a_bundled_photograph_is_named(
    serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    catalogue = Path(clickme.catalogue.demo.__file__).with_name("catalogue.csv")
    with catalogue.open(encoding="utf-8", newline="") as file:
        bundled = list(csv.DictReader(file))
    game = visit(serve().url)  # an empty catalogue is filled with them
    game.page.get_by_role("link", name="Credits").click()
    rows = game.page.locator("tbody tr")
    expect(rows).to_have_count(len(bundled))
    named = [tuple(row.locator("td").all_inner_texts()[:2]) for row in rows.all()]
    assert sorted(named) == sorted((photograph["author"], photograph["licence"]) for photograph in bundled)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits_its_screen(
    house: House,
    serve: Callable[[], RunningServer],
    visit: Callable[..., Game],
    scheme: str,
    width: int,
    tmp_path: Path,
) -> None:
    """Pictures of all go to the folder CLICKME_SCREENSHOTS, where it is set."""
    folder = Path(os.environ.get("CLICKME_SCREENSHOTS", tmp_path))
    hang(house, "red panda")
    game = visit(serve().url, color_scheme=scheme, **(PHONE if width == 390 else {}))

    def picture(of: str) -> None:
        game.page.wait_for_timeout(500)  # until what moves has come to rest
        game.page.screenshot(path=folder / f"{of}-{width}-{scheme}.png")
        assert game.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    expect(game.page.get_by_role("heading", name="Paint what gives it away")).to_be_visible()
    picture("consent")
    game.agree()
    game.ready()
    picture("ready")
    hang(house, "German shepherd", "ring-tailed lemur")
    hand = Finger(game.page) if width == 390 else Mouse(game.page)
    for outcome, stroke in (("recognised", STROKES["red panda"]), ("timeout", [UNSEEN, (3, 200)])):
        game.ready()
        round_id = game.begin(stroke[0], hand)
        game.move(stroke[1], hand)
        picture(f"playing-{outcome}")
        game.follow(stroke, round_id, hand)
        picture(outcome)
        hand.lift()
    game.ready()
    game.page.get_by_role("button", name="Something is wrong").click()
    picture("flag")
    game.page.get_by_label("Something else").check()
    game.page.get_by_role("button", name="Send").click()
    expect(game.page.get_by_role("heading", name="You have painted every photograph here")).to_be_visible()
    picture("finished")
    game.page.goto(game.page.url + "credits")
    picture("credits")
