"""A partner's network, loaded into this process with onnxruntime."""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime

from clickme_partner.bound import Bound
from clickme_partner.cores import usable_cores
from clickme_partner.errors import PartnerError
from clickme_partner.view import CROP

CLASSES: Final = 1000
BOUND_S: Final = 10.0  # that one look may take
# The fastest first; what a machine has of them is onnxruntime's to say. Not TensorRT: it builds an engine for
# every new size of batch, which takes longer than a round.
PROCESSOR: Final = "CPUExecutionProvider"
PREFERRED: Final = ("CUDAExecutionProvider", "CoreMLExecutionProvider", PROCESSOR)


def providers() -> tuple[str, ...]:
    """The execution providers that onnxruntime offers here, the fastest first."""
    offered = onnxruntime.get_available_providers()
    return tuple(provider for provider in PREFERRED if provider in offered)


class Session:
    """A partner, loaded and ready to look.

    `path` is an ONNX file with input `image` uint8 [N, 224, 224, 3] RGB and output `logits` float32
    [N, 1000]; `version` is what rounds record of it. `threads` of the processor work on one look; none: as
    many as this process has cores. A look that takes longer than `bound_s` is broken off.

    Raises PartnerError: `no_model` (no such file), `corrupt_model` (not readable as ONNX), `not_a_partner`
    (another input or output).
    """

    def __init__(
        self, path: Path, *, version: str = "", threads: int | None = None, bound_s: float = BOUND_S
    ) -> None:
        self._session = _load(path, threads or usable_cores())
        _check(self._session, path)
        self.path = path
        self.version = version or path.stem
        self.provider: str = self._session.get_providers()[0]
        self._bound = Bound(bound_s)
        self._failed = False

    def logits(self, views: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Its belief, float32 [N, 1000], about `views` uint8 [N, 224, 224, 3] RGB. Blocks while it looks.

        Raises PartnerError: `hung` (it took too long), `failed` (whatever onnxruntime says).
        """
        with self._bound.on() as options:
            try:
                (logits,) = self._session.run(["logits"], {"image": views}, options)
                self._failed = False
                return np.asarray(logits, dtype=np.float32)
            except Exception as error:  # onnxruntime's errors have no common base but this
                self._failed = True
                if options.terminate:
                    message = f"The partner looked for more than {self._bound.seconds:g} s: broken off."
                    raise PartnerError("hung", message) from error
                raise PartnerError("failed", f"The partner could not look: {error}") from error

    def on_one_core(self) -> "Session":
        """The same partner again, for looks that have a core of the processor each."""
        return Session(self.path, version=self.version, threads=1, bound_s=self._bound.seconds)

    def wake(self) -> None:
        """Look once more if the last look failed. PartnerError if that fails too."""
        if self._failed:
            self.logits(np.zeros((1, CROP, CROP, 3), np.uint8))

    def close(self) -> None:
        """Nothing is held that goes on by itself."""


def _load(path: Path, threads: int) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise PartnerError("no_model", f"There is no model {path}: type `clickme partner install`.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only: they are raised as well
    # Within a look threads wait for each other by spinning: those that sleep wake too late for layers that
    # take a tenth of a millisecond. Between looks they leave the cores to the server.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        return onnxruntime.InferenceSession(path, options, providers=list(providers()))
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
