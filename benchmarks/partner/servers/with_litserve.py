"""LitServe with batching, in an environment of its own: neither ClickMe nor what it needs is there.

`python -m benchmarks.partner.servers.with_litserve MODEL PORT BATCH TIMEOUT`
"""

import sys
from typing import Annotated

import litserve
import numpy as np
import onnxruntime
from fastapi import Depends, Request, Response
from numpy.typing import NDArray


async def body(request: Request) -> bytes:
    """The pixels as they come: LitServe itself would look for JSON."""
    return await request.body()


class Partner(litserve.LitAPI):  # type: ignore[misc]  # it has no types here
    """`POST /predict`: a view's pixels, uint8 [224, 224, 3]; the answer is its logits, float32 [1000]."""

    def __init__(self, model: str, batch: int, timeout: float) -> None:
        super().__init__(max_batch_size=batch, batch_timeout=timeout)
        self.model = model

    def setup(self, device: str) -> None:
        self.session = onnxruntime.InferenceSession(self.model, providers=["CPUExecutionProvider"])

    def decode_request(self, request: Annotated[bytes, Depends(body)]) -> NDArray[np.uint8]:
        return np.frombuffer(request, np.uint8).reshape(224, 224, 3)

    def predict(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits: NDArray[np.float32]
        # A batch, or where it is told to take one at a time the view itself.
        (logits,) = self.session.run(["logits"], {"image": views.reshape(-1, 224, 224, 3)})
        return logits

    def encode_response(self, output: NDArray[np.float32]) -> Response:
        return Response(output.tobytes(), media_type="application/octet-stream")


if __name__ == "__main__":
    model, port, batch, timeout = sys.argv[1:]
    server = litserve.LitServer(Partner(model, int(batch), float(timeout)), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(port), log_level="warning", generate_client_file=False)
