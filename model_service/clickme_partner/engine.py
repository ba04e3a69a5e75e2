"""Runs a partner with onnxruntime: one session for everybody, off the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime

from clickme_partner.cores import usable_cores
from clickme_partner.errors import PartnerError
from clickme_partner.view import CROP

CLASSES: Final = 1000


class Engine:
    """A partner, loaded and ready to look.

    `path` is an ONNX file with input `image` uint8 [N, 224, 224, 3] RGB and output `logits` float32
    [N, 1000]. `threads` work on one look; none: as many as this process has cores.

    Raises PartnerError: `no_model` (no such file), `corrupt_model` (not readable as ONNX), `not_a_partner`
    (another input or output).
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self._session = _load(path, threads or usable_cores())
        _check(self._session, path)
        # A look takes tens of milliseconds and leaves the interpreter free, so that a thread of its own is
        # enough for the event loop to go on; only one, because two looks at once would share the same cores.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="partner")

    def logits(self, views: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Its belief, float32 [N, 1000], about `views` uint8 [N, 224, 224, 3] RGB. Blocks while it looks."""
        (logits,) = self._session.run(["logits"], {"image": views})
        return np.asarray(logits, dtype=np.float32)

    async def top(self, view: npt.NDArray[np.uint8], k: int = 5) -> tuple[int, ...]:
        """The `k` most believed classes of one `view` uint8 [224, 224, 3], best first, 0-based.

        The event loop goes on while the partner looks; looks wait for each other in the order they came.
        """
        loop = asyncio.get_running_loop()
        logits = await loop.run_in_executor(self._worker, self.logits, view[None])
        # Stable: equal beliefs come in class order, on every machine.
        return tuple(np.argsort(-logits[0], kind="stable")[:k].tolist())

    def close(self) -> None:
        """Finish the look that is running and forget those that wait."""
        self._worker.shutdown(cancel_futures=True)


def _load(path: Path, threads: int) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise PartnerError("no_model", f"There is no model {path}: type `clickme partner install`.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only: they are raised as well
    # Threads that spin while they wait take the cores that the server needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base but this
        message = f"{path.name} cannot be read as ONNX: `clickme partner install` makes a partner that can."
        raise PartnerError("corrupt_model", message) from error


def _check(session: onnxruntime.InferenceSession, path: Path) -> None:
    inputs = {i.name: (i.type, i.shape[1:], i.shape[:1]) for i in session.get_inputs()}
    outputs = {o.name: (o.type, o.shape[1:]) for o in session.get_outputs()}
    kind, shape, batch = inputs.get("image", ("", [], []))
    if len(inputs) != 1 or (kind, shape) != ("tensor(uint8)", [CROP, CROP, 3]) or isinstance(batch[0], int):
        raise PartnerError(
            "not_a_partner",
            f"{path.name} is not a partner: its one input must be `image`, uint8 [N, 224, 224, 3], N free. "
            "`clickme partner install --from FILE` makes a partner of a classifier.",
        )
    if outputs.get("logits") != ("tensor(float)", [CLASSES]):
        raise PartnerError(
            "not_a_partner",
            f"{path.name} is not a partner: it must have an output `logits`, float32 [N, 1000]. "
            "`clickme partner install --from FILE` makes a partner of a classifier.",
        )
