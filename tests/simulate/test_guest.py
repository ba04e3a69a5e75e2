"""What one of a crowd does when something goes wrong, at a server whose every word is written here."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from clickme.game.rules import Rules
from clickme.simulate.crowd import Crowd, Plan
from clickme.simulate.guest import Guest

ROUND = 7
DEALT = {
    "t": "round",
    "round": ROUND,
    "image": "/photograph",
    "category": "a koala",
    "rules": asdict(Rules()),
}
END = {"t": "end", "round": ROUND, "outcome": "recognised", "points": 0.9}


class Visitor:
    """The guest's connections, as the server has them."""

    def __init__(self) -> None:
        self.connections: asyncio.Queue[ServerConnection] = asyncio.Queue()
        self.crowd = Crowd(Plan("", players=1, seconds=60))

    async def comes(self) -> "Talk":
        return Talk(await self.connections.get())


class Talk:
    """What is said over one connection."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection

    async def hears(self, kind: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(await self.connection.recv())
        assert said["t"] == kind, said
        return said

    async def says(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def begins(self) -> None:
        """From the first photograph to the beginning of its round, when the next one is asked for."""
        await self.hears("next")
        await self.says(**DEALT)
        begin = await self.hears("begin")
        assert begin == {"t": "begin", "round": ROUND, "pointer": "mouse"}
        await self.says(t="begun", round=ROUND)

    async def takes(self, first: int) -> dict[str, Any]:
        """The next frame of bubbles, which begins with this one; asking for a photograph is passed over."""
        said: dict[str, Any] = {"t": "next"}
        while said["t"] == "next":
            said = json.loads(await self.connection.recv())
        assert (said["t"], said["round"], said["n"]) == ("bubbles", ROUND, first), said
        return said

    async def refuses(self, code: str, round_id: int | None) -> None:
        await self.says(t="error", code=code, message="No.", round=round_id)

    async def ends(self, visitor: Visitor) -> None:
        """The round, and with it the visit."""
        visitor.crowd.leaving = True
        await self.says(**END)


def visit(script: Callable[[Visitor], Awaitable[None]]) -> Crowd:
    """A guest plays at a server that follows a script."""

    async def run() -> Crowd:
        visitor = Visitor()

        async def handle(connection: ServerConnection) -> None:
            visitor.connections.put_nowait(connection)
            await connection.wait_closed()

        def photograph(connection: ServerConnection, request: Request) -> Response | None:
            if request.path != "/photograph":
                return None
            return Response(HTTPStatus.OK, "OK", Headers({"Content-Length": "4"}), b"JPEG")

        async with serve(handle, "127.0.0.1", 0, process_request=photograph) as server:
            (socket,) = server.sockets
            url = f"http://127.0.0.1:{socket.getsockname()[1]}"
            visitor.crowd = Crowd(Plan(url, players=1, seconds=60))
            async with asyncio.timeout(60), asyncio.TaskGroup() as group:
                group.create_task(Guest(visitor.crowd, 0, "who=me").play())
                await script(visitor)
        return visitor.crowd

    return asyncio.run(run())


def test_what_was_under_way_when_a_connection_was_lost_is_sent_again() -> None:
    stored: list[int] = []

    async def script(visitor: Visitor) -> None:
        talk = await visitor.comes()
        await talk.begins()
        await talk.takes(0)
        await talk.says(t="ack", round=ROUND, n=2)
        lost = await talk.takes(2)
        talk.connection.transport.abort()

        talk = await visitor.comes()
        await talk.hears("resume")
        await talk.says(t="resumed", round=ROUND, n=2, left_ms=5000)
        again = await talk.takes(2)
        assert again["xyt"][:6] == lost["xyt"]
        assert len(again["xyt"]) > 6  # and what was painted meanwhile
        stored.append(2 + len(again["xyt"]) // 3)
        await talk.says(t="ack", round=ROUND, n=stored[0])
        await talk.ends(visitor)

    crowd = visit(script)
    (painting,) = crowd.tally.played
    assert (painting.outcome, painting.points) == ("recognised", 0.9)
    assert [painting.acknowledged] == stored
    assert crowd.tally.reconnects == 1


def test_a_server_that_forgot_what_it_had_acknowledged_is_found_out() -> None:
    async def script(visitor: Visitor) -> None:
        talk = await visitor.comes()
        await talk.begins()
        await talk.takes(0)
        await talk.says(t="ack", round=ROUND, n=2)
        await talk.connection.close(1012)

        talk = await visitor.comes()
        await talk.hears("resume")
        await talk.says(t="resumed", round=ROUND, n=0, left_ms=5000)
        await talk.takes(2)  # the page has let go of the first two
        await talk.ends(visitor)

    crowd = visit(script)
    assert crowd.tally.errors == {"resumed_behind": 1, "socket_closed_1012": 1}


def test_after_a_gap_the_round_is_resumed_at_once() -> None:
    async def script(visitor: Visitor) -> None:
        talk = await visitor.comes()
        await talk.begins()
        await talk.takes(0)
        await talk.takes(2)
        await talk.refuses("gap", ROUND)
        await talk.hears("resume")
        await talk.refuses("gap", ROUND)  # of the other frame: it is being mended already
        await talk.says(t="resumed", round=ROUND, n=0, left_ms=5000)
        assert len((await talk.takes(0))["xyt"]) >= 12
        await talk.ends(visitor)

    assert visit(script).tally.errors == {"gap": 2}


def test_what_could_not_be_stored_is_sent_again_in_a_moment() -> None:
    async def script(visitor: Visitor) -> None:
        talk = await visitor.comes()
        await talk.begins()
        await talk.takes(0)
        await talk.refuses("not_stored", ROUND)
        await talk.hears("resume")
        await talk.says(t="resumed", round=ROUND, n=0, left_ms=5000)
        assert len((await talk.takes(0))["xyt"]) > 6
        await talk.ends(visitor)

    assert visit(script).tally.errors == {"not_stored": 1}


def test_a_round_that_the_server_knows_no_beginning_of_is_dealt_and_pressed_again() -> None:
    async def script(visitor: Visitor) -> None:
        talk = await visitor.comes()
        await talk.hears("next")
        await talk.says(**DEALT)
        await talk.hears("begin")
        await talk.connection.close(1011)

        talk = await visitor.comes()
        await talk.hears("resume")
        await talk.refuses("not_begun", ROUND)
        await talk.begins()
        await talk.takes(0)
        await talk.says(t="ack", round=ROUND, n=2)
        await talk.ends(visitor)

    crowd = visit(script)
    assert [painting.given_up for painting in crowd.tally.paintings] == [True, False]
    (painting,) = crowd.tally.played
    assert (painting.outcome, painting.acknowledged) == ("recognised", 2)


def test_a_photograph_that_could_not_be_dealt_is_asked_for_again() -> None:
    async def script(visitor: Visitor) -> None:
        talk = await visitor.comes()
        await talk.hears("next")
        await talk.refuses("not_stored", None)
        await talk.begins()
        await talk.takes(0)
        await talk.ends(visitor)

    assert visit(script).tally.errors == {"not_stored": 1}


def test_who_has_painted_every_photograph_leaves() -> None:
    async def script(visitor: Visitor) -> None:
        talk = await visitor.comes()
        await talk.hears("next")
        await talk.refuses("no_photographs", None)

    crowd = visit(script)
    assert crowd.tally.finished == 1
    assert crowd.tally.played == []
