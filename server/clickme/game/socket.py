"""The socket, /ws/play: frames in, what the game says out."""

import json
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from starlette.types import Message
from starlette.websockets import WebSocketState

from clickme.game.play import Game
from clickme.game.rules import Refusal
from clickme.game.schemas import FRAMES, AnyFrame, Begin, Bubbles, Flag, Next, Resume, Skip, frame_of
from clickme.kit.metrics import ERRORS
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
    player_id = player_of(websocket, house)
    if player_id is None or not same_origin(websocket):
        await websocket.close(POLICY_VIOLATION)
        return
    with house.database.transaction() as session:
        known = players.exists(session, player_id)
    if not known:
        await websocket.close(POLICY_VIOLATION)
        return
    await websocket.accept()
    await Connection(websocket, websocket.app.state.game, player_id, house.settings.limits).serve()


def same_origin(websocket: WebSocket) -> bool:
    """Whether the page that opened the socket is our own: browsers say so, and cannot be made to lie."""
    origin = urlsplit(websocket.headers.get("origin", ""))
    return bool(origin.netloc) and origin.netloc == websocket.headers.get("host")


class Connection:
    """One socket of one player. Frames are taken in their order, one at a time."""

    def __init__(self, websocket: WebSocket, game: Game, player_id: int, limits: Limits) -> None:
        self.websocket = websocket
        self.game = game
        self.player_id = player_id
        self.limits = limits
        self.errors = 0
        self.second = 0  # of the game's clock, in which
        self.frames = 0  # so many frames came

    async def serve(self) -> None:
        try:
            while self.errors < self.limits.socket_errors:
                await self._take(await self.websocket.receive())
            await self.websocket.close(POLICY_VIOLATION)
        except WebSocketDisconnect:
            pass

    async def send(self, message: dict[str, Any]) -> None:
        """What is said to a socket that has gone is not heard; the log has what matters."""
        if self.websocket.application_state is WebSocketState.CONNECTED:
            try:
                await self.websocket.send_text(json.dumps(message, separators=(",", ":")))
            except (WebSocketDisconnect, RuntimeError):
                log.debug("socket_gone", player=self.player_id)

    async def _take(self, message: Message) -> None:
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        frame: AnyFrame | None = None
        try:
            self._count()
            frame = read(message, self.limits.frame_bytes)
            await self._do(frame)
        except Refusal as refusal:
            await self._say_error(refusal.code, refusal.message, frame)
        except DBAPIError:
            log.exception("database_away", player=self.player_id)
            await self._say_error("not_stored", "That could not be kept just now. Send it again.", frame)

    def _count(self) -> None:
        second = int(self.game.around.clock.now())
        self.frames = self.frames + 1 if second == self.second else 1
        self.second = second
        if self.frames > self.limits.frames:
            raise Refusal("too_many_frames", f"More than {self.limits.frames} frames in a second.")

    async def _say_error(self, code: str, text: str, frame: AnyFrame | None) -> None:
        self.errors += 1
        ERRORS.labels(code).inc()
        await self.send({"t": "error", "code": code, "message": text, "round": getattr(frame, "round", None)})

    async def _do(self, frame: AnyFrame) -> None:
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
            case Bubbles():
                kept = await game.bubbles(player_id, frame.round, frame.n, frame.bubbles(), self)
                await self.send({"t": "ack", "round": frame.round, "n": kept})
            case Skip():
                await game.skip(player_id, frame.round, self)
            case Flag():
                await game.flag(player_id, frame.round, frame.reason, frame.note, self)
            case Resume():
                await game.resume(player_id, frame.round, self)


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
