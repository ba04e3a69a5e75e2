"""A finger on a phone, and a keyboard alone."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from browser.game import PHONE, Game
from browser.hand import Finger
from browser.photographs import STROKES, hang
from browser.rows import round_row, stored
from clickme.kit.house import House
from conftest import RunningServer


def is_still(page: Page) -> bool:
    """Whether the page lies as it was opened: all of it on the screen, not scrolled, not enlarged."""
    scrolled: list[float] = page.evaluate(
        "() => { const { scrollWidth, scrollHeight } = document.documentElement, view = visualViewport;"
        " return [scrollX, scrollY, view.offsetLeft, view.offsetTop, view.scale - 1,"
        " scrollWidth - innerWidth, scrollHeight - innerHeight] }"
    )
    return not any(scrolled)


def test_a_finger_on_a_phone(
    house: House, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    hang(house, "red panda")
    game = visit(serve().url, **PHONE)
    page = game.page
    agree = page.get_by_role("button", name="I am 18 or older and agree: play")
    expect(agree).to_be_in_viewport(ratio=1)
    agree.tap()
    game.ready()
    for part in ("#words", "#stage", "#partner", "#skip", "#flag"):
        expect(page.locator(part)).to_be_in_viewport(ratio=1)
    assert is_still(page)
    page.evaluate("addEventListener('scroll', () => console.warn('scrolled'), true)")
    stroke, finger = STROKES["red panda"], Finger(page)
    round_id = game.begin(stroke[0], finger)
    expect(page.locator("#loupe")).to_be_visible()  # of what the finger hides
    game.follow(stroke, round_id, finger)
    finger.lift()
    end = game.ended(round_id)
    assert is_still(page)
    assert end["outcome"] == "recognised"
    assert round_row(house, round_id)["pointer"] == "touch"
    assert stored(house, round_id) == game.wire.painted(round_id)
    assert not [complaint for complaint in game.complaints if "/api/me" not in complaint]


def test_a_keyboard_alone(
    house: House, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    hang(house, "ring-tailed lemur")
    game = visit(serve().url)
    keyboard = game.page.keyboard

    def tab_to(name: str) -> None:
        for _ in range(12):
            if game.page.locator(f"#{name}:focus").count():
                return
            keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {name}")

    tab_to("agree")
    keyboard.press("Enter")
    game.ready()
    tab_to("stage")
    keyboard.press("Space")
    round_id = game.begun()
    # Its face is up and to the left of the middle, where the brush begins.
    for key in ["Up", "Left", "Up", "Right", "Down", "Left", "Down", "Right"] * 8:
        keyboard.down(f"Arrow{key}")
        game.page.wait_for_timeout(150)  # in which the brush takes three steps
        keyboard.up(f"Arrow{key}")
        if game.wire.end(round_id):
            break
    end, painted = game.ended(round_id), game.wire.painted(round_id)
    assert end["outcome"] == "recognised"
    assert painted[0][:2] == (128, 128)
    assert min(x for x, _, _ in painted) < 115 and min(y for _, y, _ in painted) < 115
    assert round_row(house, round_id)["pointer"] == "keyboard"
    assert stored(house, round_id) == painted
