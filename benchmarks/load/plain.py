"""The plain way: a socket that commits each message by itself, as a tutorial has it.

`python -m benchmarks.load.plain CORE PORT`. The same messages and tables, and the same rounds: half end after
ten bubbles, half after seven seconds. No partner, no rules, no resuming, no signed cookie: it has less to do
than the game.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import create_engine, make_url, text

from clickme.catalogue.store import photograph_path
from clickme.game.ingest import pack
from clickme.game.rules import Bubble, Rules

from .stub import NAMED

RULES: Final = Rules()
FEW: Final = 10  # bubbles, after which a round of the one class is recognised

SIGN_UP = text(
    "INSERT INTO players (name, consent_version, points) VALUES (gen_random_uuid(), '1', 0) RETURNING id"
)
DEAL = text(
    """
    INSERT INTO rounds (player_id, image_id, rules)
    SELECT :player, id, CAST(:rules AS jsonb) FROM images
    WHERE id NOT IN (SELECT image_id FROM rounds WHERE player_id = :player) ORDER BY random() LIMIT 1
    RETURNING id, (SELECT class_index FROM images WHERE id = image_id)
    """
)
BEGIN = text("UPDATE rounds SET begun_at = now(), pointer = :pointer WHERE id = :round")
BUBBLES = text("INSERT INTO bubble_batches (round_id, first_index, xyt) VALUES (:round, :n, :xyt)")
END = text(
    """
    UPDATE rounds SET ended_at = now(), outcome = :outcome, recognised_ms = :ms, points = 0 WHERE id = :round
    """
)


@contextmanager
def ended_with(tasks: set[asyncio.Task[None]]) -> Iterator[None]:
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def application(database_url: str, photographs: Path) -> FastAPI:
    app = FastAPI()
    engine = create_engine(
        make_url(database_url).set(drivername="postgresql+psycopg2"), pool_size=10, max_overflow=10
    )

    def commit(statement: Any, **values: Any) -> Any:
        with engine.begin() as connection:
            done = connection.execute(statement, values)
            return done.one_or_none() if done.returns_rows else None

    @app.get("/api/consent")
    def consent() -> dict[str, str]:
        return {"version": "1"}

    @app.post("/api/players", status_code=201)
    def sign_up(response: Response) -> None:
        response.set_cookie("player", str(commit(SIGN_UP).id))

    @app.get("/api/rounds/{round_id}/photograph")
    def photograph(round_id: int) -> Response:
        which = "SELECT sha256 FROM rounds JOIN images ON images.id = image_id WHERE rounds.id = :round"
        content = photograph_path(photographs, commit(text(which), round=round_id).sha256).read_bytes()
        return Response(content, media_type="image/jpeg")

    @app.websocket("/ws/play")
    async def play(websocket: WebSocket) -> None:
        await websocket.accept()
        player = int(websocket.cookies["player"])
        classes: dict[int, int] = {}
        timers: set[asyncio.Task[None]] = set()
        ended: set[int] = set()

        async def end(round_id: int, outcome: str, after_s: float) -> None:
            await asyncio.sleep(after_s)
            if round_id in ended:
                return
            ended.add(round_id)
            ms = 1000 if outcome == "recognised" else None
            await run_in_threadpool(commit, END, round=round_id, outcome=outcome, ms=ms)
            await websocket.send_json({"t": "end", "round": round_id, "outcome": outcome, "points": 0.0})

        def ending(round_id: int, outcome: str, after_s: float) -> None:
            timer = asyncio.create_task(end(round_id, outcome, after_s))
            timers.add(timer)
            timer.add_done_callback(timers.discard)

        with suppress(WebSocketDisconnect), ended_with(timers):
            while True:
                said = await websocket.receive_json()
                match said:
                    case {"t": "next"}:
                        rules = json.dumps(asdict(RULES))
                        dealt = await run_in_threadpool(commit, DEAL, player=player, rules=rules)
                        round_id, classes[dealt.id] = dealt.id, dealt.class_index
                        image = f"/api/rounds/{round_id}/photograph"
                        await websocket.send_json(
                            {"t": "round", "round": round_id, "image": image, "rules": asdict(RULES)}
                        )
                    case {"t": "begin", "round": round_id, "pointer": pointer}:
                        await run_in_threadpool(commit, BEGIN, round=round_id, pointer=pointer)
                        await websocket.send_json({"t": "begun", "round": round_id})
                        ending(round_id, "timeout", RULES.limit_ms / 1000)
                    case {"t": "bubbles", "round": round_id, "n": n, "xyt": xyt}:
                        bubbles = [Bubble(*xyt[i : i + 3]) for i in range(0, len(xyt), 3)]
                        await run_in_threadpool(commit, BUBBLES, round=round_id, n=n, xyt=pack(bubbles))
                        stored = n + len(bubbles)
                        await websocket.send_json({"t": "ack", "round": round_id, "n": stored})
                        if classes[round_id] == NAMED and stored >= FEW:
                            ending(round_id, "recognised", 0.0)

    return app


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[1])})
    plain = application(os.environ["CLICKME_DATABASE_URL"], Path(os.environ["CLICKME_HOME"]) / "photographs")
    uvicorn.run(plain, port=int(sys.argv[2]), log_level="warning")
