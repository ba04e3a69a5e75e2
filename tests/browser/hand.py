"""What paints: a mouse, a finger."""

from typing import Protocol

from playwright.sync_api import Page


class Hand(Protocol):
    """What paints. Places are px of the page."""

    def press(self, x: float, y: float) -> None: ...
    def move(self, x: float, y: float) -> None: ...
    def lift(self) -> None: ...


class Mouse:
    def __init__(self, page: Page) -> None:
        self.mouse = page.mouse

    def press(self, x: float, y: float) -> None:
        self.mouse.move(x, y)
        self.mouse.down()
        self.mouse.up()  # painting goes on without

    def move(self, x: float, y: float) -> None:
        self.mouse.move(x, y, steps=5)

    def lift(self) -> None:
        pass


class Finger:
    """One that touches the screen and slides over it, as the browser gets it from the system."""

    def __init__(self, page: Page) -> None:
        self.screen = page.context.new_cdp_session(page)

    def press(self, x: float, y: float) -> None:
        self._touch("touchStart", [{"x": x, "y": y}])

    def move(self, x: float, y: float) -> None:
        self._touch("touchMove", [{"x": x, "y": y}])

    def lift(self) -> None:
        self._touch("touchEnd", [])

    def _touch(self, kind: str, points: list[dict[str, float]]) -> None:
        self.screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
