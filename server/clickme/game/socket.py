"""The socket, /ws/play: frames in, what the game says out."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Message
from starlette.websockets import WebSocketState

from clickme.contests.models import Contest
from clickme.game.live import Batch, error_message
from clickme.game.metrics import SOCKETS
from clickme.game.play import Game
from clickme.game.rules import Refusal
from clickme.game.schemas import FRAMES, AnyFrame, Begin, Bubbles, Flag, Next, Resume, Skip, frame_of
from clickme.kit.house import House
from clickme.kit.leases import SocketLeases
from clickme.kit.limits import RateLimits, address_of
from clickme.kit.metrics import ERRORS
from clickme.kit.problems import Problem
from clickme.kit.web import names_own_page
from clickme.players import service as players
from clickme.players.session import player_of
from clickme.settings import Limits

log = structlog.get_logger()
router = APIRouter()

POLICY_VIOLATION: Final = 1008  # RFC 6455, section 7.4.1
SERVICE_RESTART: Final = 1012  # IANA's registry of close codes
as_json = json.JSONEncoder(separators=(",", ":")).encode


@router.websocket("/ws/play")
async def play(websocket: WebSocket) -> None:
    """Play rounds. The handshake is refused (403) without a session, or from another site's page."""
    house: House = websocket.app.state.house
    player_id = player_of(websocket, house) if names_own_page(websocket) else None
    if player_id is None or not await asyncio.to_thread(is_player, house, player_id):
        log.info("socket_refused", origin=websocket.headers.get("origin"), host=websocket.headers.get("host"))
        await websocket.close(POLICY_VIOLATION)
        return
    leases: SocketLeases = websocket.app.state.socket_leases
    try:
        lease = await leases.take(player_id, address_of(websocket))
    except Problem as full:
        await turn_away(websocket, full)
        return
    try:
        await websocket.accept()
        await Connection(websocket, player_id).serve()
    finally:
        leases.give_back(lease)


def is_player(house: House, player_id: int) -> bool:
    with house.database.transaction() as session:
        return players.exists(session, player_id)


async def turn_away(websocket: WebSocket, why: Problem) -> None:
    """A browser can read why only over a socket that is open."""
    ERRORS.labels(why.code).inc()
    try:
        await websocket.accept()
        await websocket.send_text(as_json(error_message(None, why.code, why.message)))
        await websocket.close(POLICY_VIOLATION)
    except (WebSocketDisconnect, RuntimeError):
        log.debug("socket_gone")


class Milestone(asyncio.Event):
    """Something between two frames: whoever waits for it knows that all before it is done."""


class Said(NamedTuple):
    """A frame and when it came on the game's clock, s; or why it is none."""

    at: float
    frame: AnyFrame | Refusal | Milestone


class Connection:
    """One socket of one player. Frames are done in their order; those of bubbles that wait, together.

    They are taken from the socket, read and stamped as they come, whatever the one before them waits for.
    """

    def __init__(self, websocket: WebSocket, player_id: int) -> None:
        self.websocket = websocket
        self.player_id = player_id
        self.game: Game = websocket.app.state.game
        self.rates: RateLimits = websocket.app.state.rate_limits
        self.limits: Limits = websocket.app.state.house.settings.limits
        self.inbox: asyncio.Queue[Said | None] = asyncio.Queue(self.limits.frames)
        self.frames = Rate(seconds=1)
        self.errors = Rate(seconds=60)
        self.gone = False
        self.over = asyncio.Event()  # nothing more is done of what was sent

    async def serve(self) -> None:
        receiving = asyncio.create_task(self._receive())
        SOCKETS.inc()
        try:
            await self.game.arrive(self)
            while waiting := await self._waiting():
                for run in runs(waiting):
                    await self._do(run)
                if self.errors.count >= self.limits.socket_errors:
                    break
            await self._close()
        finally:
            SOCKETS.dec()
            self.over.set()
            receiving.cancel()

    async def send(self, message: dict[str, Any]) -> None:
        """What is said to a socket that has gone is not heard; the log has what matters."""
        await self._say(as_json(message))

    async def _say(self, text: str) -> None:
        if self.websocket.application_state is WebSocketState.CONNECTED:
            try:
                await self.websocket.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                log.debug("socket_gone")

    async def hear_out(self) -> None:
        """Return when all that has come by now is done."""
        milestone = Milestone()
        reached = asyncio.create_task(self._reach(milestone))
        over = asyncio.create_task(self.over.wait())
        try:
            await asyncio.wait({reached, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reached.cancel()
            over.cancel()

    async def _reach(self, milestone: Milestone) -> None:
        await self.inbox.put(Said(self.game.around.clock.now(), milestone))
        await milestone.wait()

    async def dismiss(self) -> None:
        await self._close(SERVICE_RESTART)

    async def _close(self, code: int = POLICY_VIOLATION) -> None:
        try:
            await self.websocket.close(code)
        except (WebSocketDisconnect, RuntimeError):
            log.debug("socket_gone", player=self.player_id)

    async def _receive(self) -> None:
        """A full inbox stops the reading, and so the sender. What is no frame takes up no room in it."""
        now = self.game.around.clock.now
        try:
            while (message := await self.websocket.receive())["type"] != "websocket.disconnect":
                await self.inbox.put(self._read(message, now()))
        except Exception:
            log.exception("socket_broken", player=self.player_id)
        self.gone = True
        await self.inbox.put(None)

    def _read(self, message: Message, at: float) -> Said:
        try:
            if self.frames.hit(at) > self.limits.frames:
                raise Refusal("too_many_frames", f"More than {self.limits.frames} frames in a second.")
            return Said(at, read(message, self.limits.frame_bytes))
        except Refusal as refusal:
            return Said(at, refusal)

    async def _waiting(self) -> list[Said]:
        """All that has come; nothing when the socket has gone and all it sent is done."""
        waiting = [await self.inbox.get()]
        while not self.inbox.empty():
            waiting.append(self.inbox.get_nowait())
        if waiting[-1] is None:
            self.inbox.put_nowait(None)
        return [said for said in waiting if said is not None]

    async def _do(self, run: list[Said]) -> None:
        """Do one thing that was said, or several frames of bubbles of one round."""
        frame = run[0].frame
        try:
            match frame:
                case Refusal():
                    raise frame
                case Milestone():
                    frame.set()
                case Next() | Begin() | Resume() if self.gone:
                    pass  # whoever asked came again by another connection, and begins or goes on there
                case Bubbles():
                    await self._take_in(frame.round, run)
                case _:
                    await self._act(frame, run[0].at)
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

    async def _take_in(self, round_id: int, run: list[Said]) -> None:
        """Frames that were kept together are acknowledged together, by the count of the last of them."""
        batches = [Batch(s.frame.n, s.frame.bubbles(), s.at) for s in run if isinstance(s.frame, Bubbles)]
        answers = await self.game.bubbles(self.player_id, round_id, batches, self)
        kept = max((answer for answer in answers if isinstance(answer, int)), default=None)
        if kept is not None:
            await self._say(f'{{"t":"ack","round":{round_id},"n":{kept}}}')  # the bulk of all that is said
        for answer in answers:
            if isinstance(answer, Refusal):
                await self._refuse(answer, round_id)

    async def _act(self, frame: AnyFrame, arrived: float) -> None:
        game, player_id = self.game, self.player_id
        match frame:
            case Next():
                dealt, contest = await game.next(player_id)
                await self.send(
                    {
                        "t": "round",
                        "round": dealt.id,
                        "image": f"/api/rounds/{dealt.id}/photograph",
                        "category": dealt.category,
                        "rules": asdict(dealt.rules),
                        "contest": contest and in_brief(contest),
                    }
                )
            case Begin():
                await self._count("begin", self.limits.begins, TOO_MANY_BEGINS)
                await game.begin(player_id, frame.round, frame.pointer, arrived, self)
                await self.send({"t": "begun", "round": frame.round})
            case Skip():
                await game.skip(player_id, frame.round, self)
            case Flag():
                await self._count("flag", self.limits.flags, TOO_MANY_FLAGS)
                await game.flag(player_id, frame.round, frame.reason, frame.note, self)
            case Resume():
                await game.resume(player_id, frame.round, self)

    async def _count(self, what: str, rate: str, too_many: tuple[str, str]) -> None:
        """Refusal `too_many` where the player has done this too often; while nobody counts, they may."""
        if await asyncio.to_thread(self.rates.hit, what, rate, str(self.player_id)) is False:
            raise Refusal(*too_many)


def in_brief(contest: Contest) -> dict[str, Any]:
    return {"id": contest.id, "name": contest.name, "closes_at": contest.closes_at.isoformat()}


TOO_MANY_BEGINS = (
    "too_many_begins",
    "Those were many rounds in a short time. Rest for a moment, then press again.",
)
TOO_MANY_FLAGS = (
    "too_many_flags",
    "You have reported many photographs by now, thank you. Skip this one, and report again in an hour.",
)


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


def same_stroke(one: object, other: object) -> bool:
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
    if len(text) > most_bytes or (not text.isascii() and len(text.encode()) > most_bytes):
        raise Refusal("frame_too_large", f"A frame has at most {most_bytes} bytes.")
    try:
        frame = frame_of.validate_json(text)
    except ValidationError:
        frame = read_slowly(text)
    if isinstance(frame, Bubbles) and len(frame.xyt) % 3:
        raise Refusal("bad_frame", "xyt holds three numbers a bubble.")
    return frame


def read_slowly(text: str) -> AnyFrame:
    """The frame in a text, or else what exactly is wrong with it."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal("not_json", "The frame is not JSON.") from None
    kind = content.get("t") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in FRAMES:
        raise Refusal("unknown_type", f"A frame's t is one of {', '.join(FRAMES)}.")
    try:
        return frame_of.validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        raise Refusal("bad_frame", f"{place}: {first['msg']}") from None
