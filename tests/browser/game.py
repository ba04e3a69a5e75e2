"""The page as a player has it: the words, the photograph, a stroke of a hand."""

from collections.abc import Sequence
from itertools import cycle
from math import dist

from playwright.sync_api import Page, expect

from browser.hand import Hand, Mouse
from browser.wire import Message, Wire

Point = tuple[float, float]

STEP = 7  # px of the photograph, between a bubble and the next


# A phone held upright.
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}


class Game:
    """A page of the game, with all that it sent, heard and complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wire = Wire(page)
        self.requests: list[str] = []  # "GET http://…"
        self.complaints: list[str] = []  # the errors and warnings of its console, and where they come from
        self.words = page.locator("#words")
        self.stage = page.locator("#stage")
        self.total = page.locator("#total")
        self.notice = page.locator("#notice")
        page.on("request", lambda request: self.requests.append(f"{request.method} {request.url}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                self.complaints.append(f"{said.text} ({said.location['url']})")
                if said.type in ("error", "warning")
                else None
            ),
        )

    def agree(self) -> None:
        self.page.get_by_role("button", name="I am 18 or older and agree: play").click()

    def ready(self) -> str:
        """The words above the photograph, once it may be pressed."""
        expect(self.stage).to_have_attribute("data-state", "ready")
        return self.words.inner_text()

    def begin(self, point: Point, hand: Hand) -> int:
        """Press on the photograph, at this pixel of it; the round that has begun."""
        before = len(self.wire.sent)
        hand.press(*self._on_page(point))
        return self.begun(before)

    def begun(self, before: int = 0) -> int:
        """The round that has begun, once it has, by a message after the first `before`."""
        begins = self.wire.until(lambda: [said for said in self.wire.sent[before:] if said["t"] == "begin"])
        round_id: int = begins[0]["round"]
        return round_id

    def move(self, point: Point, hand: Hand) -> None:
        """To this pixel of the photograph. The brush follows as fast as it may."""
        hand.move(*self._on_page(point))

    def lead(self, point: Point, round_id: int, hand: Hand) -> None:
        """Move there, and wait until the brush has nearly come, or the round has ended."""
        self.move(point, hand)
        self.wire.until(lambda: self.wire.end(round_id) or self._is_near(point, round_id))

    def follow(self, stroke: Sequence[Point], round_id: int, hand: Hand) -> None:
        """Lead the brush along a stroke and back, again and again, until the round ends."""
        corners = cycle([*stroke[1:], *stroke[-2::-1]])
        while self.wire.end(round_id) is None:
            self.lead(next(corners), round_id, hand)

    def paint(self, stroke: Sequence[Point], hand: Hand | None = None) -> Message:
        """A whole round."""
        hand = hand or Mouse(self.page)
        self.ready()
        round_id = self.begin(stroke[0], hand)
        self.follow(stroke, round_id, hand)
        hand.lift()
        return self.ended(round_id)

    def ended(self, round_id: int) -> Message:
        """The end of a round, once all bubbles that were sent before it are acknowledged too."""
        end = self.wire.until(lambda: self.wire.end(round_id))
        self.wire.until(lambda: self.wire.acknowledged(round_id) == len(self.wire.painted(round_id)))
        return end

    def _is_near(self, point: Point, round_id: int) -> bool:
        painted = self.wire.painted(round_id)
        return bool(painted) and dist(painted[-1][:2], point) <= 2 * STEP

    def _on_page(self, point: Point) -> Point:
        box = self.stage.bounding_box()
        assert box is not None
        x, y = point
        return box["x"] + (x + 0.5) * box["width"] / 256, box["y"] + (y + 0.5) * box["height"] / 256
