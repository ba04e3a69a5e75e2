"""One FastAPI endpoint that runs the session for each request, as a tutorial has it.

`python -m benchmarks.partner.servers.plain MODEL PORT`
"""

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import onnxruntime
import uvicorn
from fastapi import Body, FastAPI, Response


def application(model: Path) -> FastAPI:
    """`POST /look`: a view's pixels, uint8 [224, 224, 3]; the answer is its logits, float32 [1000]."""
    app = FastAPI()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    @app.post("/look")
    def look(view: Annotated[bytes, Body(media_type="application/octet-stream")]) -> Response:
        pixels = np.frombuffer(view, np.uint8).reshape(1, 224, 224, 3)
        (logits,) = session.run(["logits"], {"image": pixels})
        return Response(logits.tobytes(), media_type="application/octet-stream")

    return app


if __name__ == "__main__":
    uvicorn.run(application(Path(sys.argv[1])), port=int(sys.argv[2]), log_level="warning")
