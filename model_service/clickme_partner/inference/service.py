"""The service: a partner for callers elsewhere, each with views of its own, all looked at together."""

import asyncio
import reprlib
from collections.abc import Awaitable
from importlib.metadata import version
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clickme_partner.engine import Engine
from clickme_partner.errors import Busy, PartnerError
from clickme_partner.inference import wire
from clickme_partner.inference.wire import (
    CLASSES,
    HEADER,
    IMAGE,
    LOGITS,
    MODEL,
    MOST_VIEWS,
    VERSION_KEY,
    VIEW,
    VIEW_BYTES,
)

REQUEST_BYTES: Final = MOST_VIEWS * VIEW_BYTES + 64 * 1024  # a body with the most views, and its JSON
JSON_BYTES: Final = 8 * 1024 * 1024  # a body of JSON alone: ten views
HELD_BYTES: Final = 256 * 1024 * 1024  # of all bodies together that are being read or looked at
BODY_S: Final = 10.0  # in which a body must have come

# What a caller can mend; with anything else the partner cannot look just now, and may again soon (503).
STATUS: Final = {
    "bad_request": 400,
    "too_many_views": 400,
    "unknown_model": 404,
    "too_slow": 408,
    "too_large": 413,
    "compressed": 415,
    "busy": 429,
}

REQUESTS = Counter(
    "clickme_partner_requests", "Requests to look, by what came of them: ok, or an error's code.", ["code"]
)


def create_service(engine: Engine) -> Starlette:
    """The application in which the partner of `engine` looks, over the Open Inference Protocol v2.

    Every error is an object with the sentence `error`, as the protocol has it.
    """
    return Service(engine).app()


class Service:
    """What can be asked, one method each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held_bytes = 0

    def app(self) -> Starlette:
        routes = [
            Route("/v2", self.server),
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.ready),
            Route("/metrics", self.metrics),
        ]
        for model in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
            routes += [
                Route(model, self.model),
                Route(f"{model}/ready", self.model_ready),
                Route(f"{model}/config", self.config),
                Route(f"{model}/infer", self.infer, methods=["POST"]),
            ]
        handlers: dict[Any, Any] = {
            PartnerError: on_partner_error,
            ClientDisconnect: on_disconnect,
            404: on_no_address,
            405: on_wrong_method,
            500: on_failure,
        }
        return Starlette(routes=routes, exception_handlers=handlers)

    async def server(self, _: Request) -> Response:
        extensions = ["binary_tensor_data", "model_configuration"]
        return JSONResponse({"name": "clickme", "version": version("clickme"), "extensions": extensions})

    async def live(self, _: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(self, _: Request) -> Response:
        ready = self._engine.away is None
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def metrics(self, _: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def model(self, request: Request) -> Response:
        _check_model(request)
        facts = {
            "name": MODEL,
            "versions": ["1"],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": IMAGE, "datatype": "UINT8", "shape": [-1, *VIEW]}],
            "outputs": [{"name": LOGITS, "datatype": "FP32", "shape": [-1, CLASSES]}],
        }
        return JSONResponse(facts)

    async def model_ready(self, request: Request) -> Response:
        _check_model(request)
        ready = self._engine.away is None
        return JSONResponse({"name": MODEL, "ready": ready}, 200 if ready else 503)

    async def config(self, request: Request) -> Response:
        """As Triton has it, so that whoever asks finds the partner's version in the same place there."""
        _check_model(request)
        facts = {
            "name": MODEL,
            "platform": "onnxruntime_onnx",
            "backend": "onnxruntime",
            "max_batch_size": MOST_VIEWS,
            "input": [{"name": IMAGE, "data_type": "TYPE_UINT8", "dims": list(VIEW)}],
            "output": [{"name": LOGITS, "data_type": "TYPE_FP32", "dims": [CLASSES]}],
            "parameters": {VERSION_KEY: {"string_value": self._engine.version}},
        }
        return JSONResponse(facts)

    async def infer(self, request: Request) -> Response:
        _check_model(request)
        _check_headers(request)
        chunks: list[bytes] = []
        try:
            await self._take(request, chunks)
            return await self._look(request, b"".join(chunks))
        finally:
            self._held_bytes -= sum(map(len, chunks))

    async def _take(self, request: Request, chunks: list[bytes]) -> None:
        """The body, piece by piece as it comes: what is only announced takes nobody's place."""
        most, taken = _most_bytes(request), 0
        try:
            async with asyncio.timeout(BODY_S):
                async for chunk in request.stream():
                    chunks.append(chunk)
                    self._held_bytes += len(chunk)
                    taken += len(chunk)
                    if taken > most:
                        _refuse_size(most)
                    if self._held_bytes > HELD_BYTES:
                        raise Busy(1)
        except TimeoutError:
            message = f"The request did not come whole within {BODY_S:g} s."
            raise PartnerError("too_slow", message) from None

    async def _look(self, request: Request, body: bytes) -> Response:
        header = request.headers.get(HEADER)
        # JSON by the megabyte takes a while to read and write: nobody else shall wait for it.
        large = header is None or len(header) > 4
        if large:
            asked = await asyncio.to_thread(wire.read_request, body, header)
        else:
            asked = wire.read_request(body, header)
        logits = await _unless_gone(request, self._engine.look(asked.views))
        if asked.binary:
            answer, length = wire.write_answer(asked, logits, self._engine.version)
        else:
            answer, length = await asyncio.to_thread(wire.write_answer, asked, logits, self._engine.version)
        REQUESTS.labels("ok").inc()
        if length is None:
            return Response(answer, media_type="application/json")
        return Response(answer, headers={HEADER: length}, media_type="application/octet-stream")


def _check_model(request: Request) -> None:
    name, number = request.path_params["model"], request.path_params.get("version", "1")
    if (name, number) != (MODEL, "1"):
        asked = f"{reprlib.repr(name)}, version {reprlib.repr(number)}"
        message = f"There is no model {asked}: there is `{MODEL}`, version 1."
        raise PartnerError("unknown_model", message)


def _most_bytes(request: Request) -> int:
    """Of a body. Views take four times as much in JSON, and a hundred times while it is read."""
    return REQUEST_BYTES if HEADER in request.headers else JSON_BYTES


def _check_headers(request: Request) -> None:
    """Refuse, unread, what need not be read."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise PartnerError("compressed", "Bodies are taken as they are, without a Content-Encoding.")
    announced, most = request.headers.get("Content-Length", "0"), _most_bytes(request)
    if announced.isdecimal() and (len(announced) > 18 or int(announced) > most):
        _refuse_size(most)


def _refuse_size(most: int) -> NoReturn:
    raise PartnerError("too_large", f"Such a request has at most {most} bytes.")


async def _unless_gone(request: Request, look: Awaitable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """What comes of a look; ClientDisconnect, and the look is given up, if its caller goes."""
    looking = asyncio.ensure_future(look)
    going = asyncio.ensure_future(request.receive())  # after the body only this can come
    try:
        await asyncio.wait({looking, going}, return_when=asyncio.FIRST_COMPLETED)
        if not looking.done():
            raise ClientDisconnect
        return await looking
    finally:
        looking.cancel()
        going.cancel()


async def on_partner_error(_: Request, error: Any) -> Response:
    REQUESTS.labels(error.code).inc()
    status = STATUS.get(error.code, 503)
    wait_s = max(1, round(getattr(error, "retry_after_s", 1)))
    headers = {"Retry-After": str(wait_s)} if status in (429, 503) else None
    return JSONResponse({"error": error.message}, status, headers)


async def on_disconnect(_request: Request, _gone: Any) -> Response:
    return Response(status_code=400)  # nobody is there to read it


async def on_no_address(_request: Request, _missing: Any) -> Response:
    return JSONResponse({"error": f"Nothing is at this address: see /v2/models/{MODEL}."}, 404)


async def on_wrong_method(request: Request, wrong: Any) -> Response:
    return JSONResponse({"error": f"{request.method} is not for this address."}, 405, wrong.headers)


async def on_failure(_request: Request, _failed: Any) -> Response:
    return JSONResponse({"error": "Something went wrong here, and has been written down."}, 500)
