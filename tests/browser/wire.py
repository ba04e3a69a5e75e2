"""What goes over a page's sockets, seen from outside the page."""

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

from playwright.sync_api import Page, WebSocket

T = TypeVar("T")
Message = dict[str, Any]
Bubble = tuple[int, int, int]  # x and y in px of the photograph, ms since the first press

PATIENCE = 30  # s, before a test gives up


class Wire:
    """All messages of a page, on whichever socket they went, in their order."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sent: list[Message] = []
        self.heard: list[Message] = []
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda text: self.sent.append(json.loads(text)))
        socket.on("framereceived", lambda text: self.heard.append(json.loads(text)))

    def until(self, condition: Callable[[], T | None]) -> T:
        """What `condition` gives, once it gives something."""
        late = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < late, f"nothing came in {PATIENCE} s"
            self.page.wait_for_timeout(20)  # in which Playwright hands over what has happened
        return found

    def end(self, round_id: int) -> Message | None:
        """How the round ended, if it has."""
        ends = [message for message in self.heard if message["t"] == "end" and message["round"] == round_id]
        return ends[-1] if ends else None

    def painted(self, round_id: int) -> list[Bubble]:
        """All bubbles of a round that the page has sent, in their order. What it sent twice was the same."""
        bubbles: dict[int, Bubble] = {}
        for message in self.sent:
            if message["t"] == "bubbles" and message["round"] == round_id:
                numbers = iter(message["xyt"])
                for n, bubble in enumerate(zip(numbers, numbers, numbers, strict=True), message["n"]):
                    assert bubbles.setdefault(n, bubble) == bubble
        assert list(bubbles) == list(range(len(bubbles)))
        return list(bubbles.values())

    def acknowledged(self, round_id: int) -> int:
        """How many bubbles of a round the server has said to have stored."""
        return max(
            (message["n"] for message in self.heard if "n" in message and message["round"] == round_id),
            default=0,
        )
