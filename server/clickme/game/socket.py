"""The socket, /ws/play: frames in, what the game says out."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Message
from starlette.websockets import WebSocketState

from clickme.game.live import Batch, error_message
from clickme.game.play import Game
from clickme.game.rules import Refusal
from clickme.game.schemas import FRAMES, AnyFrame, Begin, Bubbles, Flag, Next, Resume, Skip, frame_of
from clickme.kit.house import House
from clickme.kit.metrics import ERRORS
from clickme.kit.web import names_own_page
from clickme.players import service as players
from clickme.players.session import player_of
from clickme.settings import Limits

log = structlog.get_logger()
router = APIRouter()

POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1


@router.websocket("/ws/play")
async def play(websocket: WebSocket) -> None:
    """Play rounds. The handshake is refused (403) without a session, or from another site's page."""
    house = websocket.app.state.house
    player_id = player_of(websocket, house) if names_own_page(websocket) else None
    if player_id is None or not await asyncio.to_thread(is_player, house, player_id):
        log.info("socket_refused", origin=websocket.headers.get("origin"), host=websocket.headers.get("host"))
        await websocket.close(POLICY_VIOLATION)
        return
    await websocket.accept()
    await Connection(websocket, websocket.app.state.game, player_id, house.settings.limits).serve()


def is_player(house: House, player_id: int) -> bool:
    with house.database.transaction() as session:
        return players.exists(session, player_id)


class Arrived(NamedTuple):
    """A message, and when it came on the game's clock, s."""

    at: float
    message: Message


class Connection:
    """One socket of one player. Frames are done in their order; those of bubbles that wait, together.

    They are taken from the socket and stamped as they come, whatever the one before them waits for.
    """

    def __init__(self, websocket: WebSocket, game: Game, player_id: int, limits: Limits) -> None:
        self.websocket = websocket
        self.game = game
        self.player_id = player_id
        self.limits = limits
        self.inbox: asyncio.Queue[Arrived | None] = asyncio.Queue(limits.frames)
        self.frames = Rate(seconds=1)
        self.errors = Rate(seconds=60)

    async def serve(self) -> None:
        receiving = asyncio.create_task(self._receive())
        try:
            await self.game.arrive(self)
            while waiting := await self._waiting():
                for run in runs([self._read(arrived) for arrived in waiting]):
                    await self._do(run)
                if self.errors.count >= self.limits.socket_errors:
                    break
            await self._close()
        finally:
            receiving.cancel()

    async def send(self, message: dict[str, Any]) -> None:
        """What is said to a socket that has gone is not heard; the log has what matters."""
        if self.websocket.application_state is WebSocketState.CONNECTED:
            try:
                await self.websocket.send_text(json.dumps(message, separators=(",", ":")))
            except (WebSocketDisconnect, RuntimeError):
                log.debug("socket_gone", player=self.player_id)

    async def _close(self) -> None:
        try:
            await self.websocket.close(POLICY_VIOLATION)
        except (WebSocketDisconnect, RuntimeError):
            log.debug("socket_gone", player=self.player_id)

    async def _receive(self) -> None:
        """A full inbox stops the reading, and so the sender."""
        try:
            while (message := await self.websocket.receive())["type"] != "websocket.disconnect":
                await self.inbox.put(Arrived(self.game.around.clock.now(), message))
        except Exception:
            log.exception("socket_broken", player=self.player_id)
        await self.inbox.put(None)

    async def _waiting(self) -> list[Arrived]:
        """All that has come; nothing when the socket has gone and all it sent is done."""
        waiting = [await self.inbox.get()]
        while not self.inbox.empty():
            waiting.append(self.inbox.get_nowait())
        if waiting[-1] is None:
            self.inbox.put_nowait(None)
        return [arrived for arrived in waiting if arrived is not None]

    def _read(self, arrived: Arrived) -> "Said":
        try:
            if self.frames.hit(arrived.at) > self.limits.frames:
                raise Refusal("too_many_frames", f"More than {self.limits.frames} frames in a second.")
            return Said(arrived.at, read(arrived.message, self.limits.frame_bytes))
        except Refusal as refusal:
            return Said(arrived.at, refusal)

    async def _do(self, run: "list[Said]") -> None:
        """Do one thing that was said, or several frames of bubbles of one round."""
        frame = run[0].frame
        try:
            match frame:
                case Refusal():
                    raise frame
                case Bubbles():
                    await self._take_in(frame.round, run)
                case _:
                    await self._act(frame)
        except Refusal as refusal:
            await self._refuse(refusal, getattr(frame, "round", None))
        except SQLAlchemyError:
            log.exception("database_away", player=self.player_id)
            ERRORS.labels("not_stored").inc()
            sorry = "That could not be kept just now. Send it again."
            await self.send(error_message(getattr(frame, "round", None), "not_stored", sorry))

    async def _refuse(self, refusal: Refusal, round_id: int | None) -> None:
        self.errors.hit(self.game.around.clock.now())
        ERRORS.labels(refusal.code).inc()
        await self.send(error_message(round_id, refusal.code, refusal.message))

    async def _take_in(self, round_id: int, run: "list[Said]") -> None:
        batches = [Batch(s.frame.n, s.frame.bubbles(), s.at) for s in run if isinstance(s.frame, Bubbles)]
        for answer in await self.game.bubbles(self.player_id, round_id, batches, self):
            if isinstance(answer, Refusal):
                await self._refuse(answer, round_id)
            else:
                await self.send({"t": "ack", "round": round_id, "n": answer})

    async def _act(self, frame: AnyFrame) -> None:
        game, player_id = self.game, self.player_id
        match frame:
            case Next():
                dealt = await game.next(player_id)
                await self.send(
                    {
                        "t": "round",
                        "round": dealt.id,
                        "image": f"/api/rounds/{dealt.id}/photograph",
                        "category": dealt.category,
                        "rules": asdict(dealt.rules),
                        "contest": None,
                    }
                )
            case Begin():
                await game.begin(player_id, frame.round, frame.pointer, self)
                await self.send({"t": "begun", "round": frame.round})
            case Skip():
                await game.skip(player_id, frame.round, self)
            case Flag():
                await game.flag(player_id, frame.round, frame.reason, frame.note, self)
            case Resume():
                await game.resume(player_id, frame.round, self)


class Said(NamedTuple):
    """A frame and when it came, s; or why it is none."""

    at: float
    frame: AnyFrame | Refusal


def runs(said: Iterable[Said]) -> Iterator[list[Said]]:
    """One by one, but frames of bubbles of one round that follow on each other together."""
    run: list[Said] = []
    for one in said:
        if run and not same_stroke(run[-1].frame, one.frame):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def same_stroke(one: AnyFrame | Refusal, other: AnyFrame | Refusal) -> bool:
    return isinstance(one, Bubbles) and isinstance(other, Bubbles) and one.round == other.round


class Rate:
    """How often something happened since the present stretch of so many seconds began."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.stretch = 0
        self.count = 0

    def hit(self, now: float) -> int:
        stretch = int(now / self.seconds)
        self.count = self.count + 1 if stretch == self.stretch else 1
        self.stretch = stretch
        return self.count


def read(message: Message, most_bytes: int) -> AnyFrame:
    """The frame in a message.

    Refusal `not_text`, `frame_too_large`, `not_json`, `unknown_type`, `bad_frame`.
    """
    text = message.get("text")
    if text is None:
        raise Refusal("not_text", "Frames are JSON text.")
    if len(text) > most_bytes or len(text.encode()) > most_bytes:
        raise Refusal("frame_too_large", f"A frame has at most {most_bytes} bytes.")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal("not_json", "The frame is not JSON.") from None
    kind = content.get("t") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in FRAMES:
        raise Refusal("unknown_type", f"A frame's t is one of {', '.join(FRAMES)}.")
    try:
        frame = frame_of.validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        raise Refusal("bad_frame", f"{place}: {first['msg']}") from None
    if isinstance(frame, Bubbles) and len(frame.xyt) % 3:
        raise Refusal("bad_frame", "xyt holds three numbers a bubble.")
    return frame
