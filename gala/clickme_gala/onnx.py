"""A network as a partner: an ONNX file that the game can be played with."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from clickme.kit.files import whole
from clickme.kit.problems import Problem
from clickme_gala.resnet import ResNet

if TYPE_CHECKING:
    import onnx

VIEW: Final = 224  # px, what a partner sees of a photograph: the centre of its 256
BOUND: Final = 1e-3  # of the largest logit: what float32 sums in another order may differ by, and more


def to_onnx(
    network: ResNet, path: Path, photographs: NDArray[np.uint8] | None = None, *, size: int = VIEW
) -> float:
    """Write a network as a partner, whole or not at all.

    The file has an input `image` uint8 [N, 224, 224, 3] RGB and an output `logits` float32 [N, 1000];
    normalisation is inside, batch norms are part of the convolutions before them, and N is free. `size` is
    the side in px that the network was trained at: the graph scales what it sees to it, as photographs were
    scaled then, bicubic and antialiased.

    Before it gets its name the file is held against PyTorch on `photographs`, uint8 [N, 224, 224, 3]; without
    any, on two made-up ones. Gives the largest difference between logits, as a share of the largest logit.
    Problem `onnx_differs` if it is above 0.001: float32 alone differs by 6e-5 where batch norms of
    gala-resnet-50 know photographs, and by a hundredth where they never saw one (measured).
    """
    if photographs is None:
        photographs = _made_up()
    training = network.training
    partner = _Partner(network, size).eval()
    try:
        model = _exported(partner).SerializeToString(deterministic=True)
        difference = _difference(model, partner, photographs)
    finally:
        network.train(training)
    if not difference <= BOUND:  # NaN is no agreement either
        raise Problem(
            "onnx_differs",
            f"The logits of {path.name} would differ from PyTorch's by {difference:.1e} of the largest, more "
            f"than {BOUND:g}: it was not written. A network that has hardly been trained may magnify "
            "rounding so: train it longer. Else try other versions of torch, onnxscript or onnxruntime.",
        )
    with whole(path) as partial:
        partial.write_bytes(model)
    return difference


class _Partner(nn.Module):
    """A network behind the partner's door."""

    def __init__(self, network: ResNet, size: int) -> None:
        super().__init__()
        self.network = network
        self.size = size

    def forward(self, image: Tensor) -> Tensor:
        """Views uint8 [N, 224, 224, 3] -> logits float32 [N, 1000]."""
        x = image.permute(0, 3, 1, 2)
        if self.size != VIEW:
            x = interpolate(x.float(), (self.size, self.size), mode="bicubic", antialias=True).clamp(0, 255)
        seen = self.network(x)
        logits: Tensor = seen.logits
        return logits


def _exported(partner: _Partner) -> "onnx.ModelProto":
    """By PyTorch's own exporter, without what it notes of the machine it ran on."""
    views = torch.zeros(2, VIEW, VIEW, 3, dtype=torch.uint8, device=partner.network.scale.device)
    with _unsaid():
        program = torch.onnx.export(
            partner,
            (views,),
            dynamo=True,
            input_names=["image"],
            output_names=["logits"],
            dynamic_shapes={"image": {0: torch.export.Dim("N")}},
            verbose=False,
        )
    assert program is not None  # as it would be for a file
    model = program.model_proto
    graph = model.graph
    # Each node has the paths and lines of the source that it came from.
    for noted in (
        model,
        graph,
        *graph.node,
        *graph.input,
        *graph.output,
        *graph.value_info,
        *graph.initializer,
    ):
        del noted.metadata_props[:]
    return model


@contextmanager
def _unsaid() -> Iterator[None]:
    """Keeps back what PyTorch 2.13 says of its own insides: that torchvision's operators are not there, which
    no network here has, and that it still calls something that it has deprecated.
    """
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning
            )
            yield
    finally:
        log.setLevel(level)


def _difference(model: bytes, partner: _Partner, photographs: NDArray[np.uint8]) -> float:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: they are raised as well
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    worst, largest = 0.0, 0.0
    for start in range(0, len(photographs), 8):
        views = photographs[start : start + 8]
        (found,) = session.run(["logits"], {"image": views})
        with torch.inference_mode():
            expected = partner(torch.from_numpy(views).to(partner.network.scale.device)).float().cpu().numpy()
        # np.maximum, for max loses what is not a number.
        worst = float(np.maximum(worst, np.abs(found - expected).max()))
        largest = float(np.maximum(largest, np.abs(expected).max()))
    return worst / largest if largest else worst


def _made_up() -> NDArray[np.uint8]:
    """Two views: a gradient, and noise. A photograph has something of both."""
    ramp = np.linspace(0, 255, VIEW).astype(np.uint8)
    smooth = np.broadcast_to(ramp[:, None, None], (VIEW, VIEW, 3))
    return np.stack([smooth, np.random.default_rng(0).integers(0, 256, (VIEW, VIEW, 3), np.uint8)])
