"""NVIDIA's own client beside our service, in a process of its own, because gevent changes what it runs in.

triton_program.py service HOST:PORT VIEWS.npy OUT.npz    what the client finds there, as JSON
triton_program.py config CONFIG.pbtxt                    what Triton reads there, as JSON
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient
from numpy.typing import NDArray


def service(address: str, views: Path, out: Path) -> dict[str, Any]:
    from tritonclient.http import InferenceServerClient

    with InferenceServerClient(address) as client:
        answers: dict[str, Any] = look(client, np.load(views))
        np.savez(out, **answers)
        return {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "model_ready": client.is_model_ready("partner"),
            "version_ready": client.is_model_ready("partner", "1"),
            "other_ready": client.is_model_ready("other"),
            "server": client.get_server_metadata(),
            "model": client.get_model_metadata("partner"),
            "config": client.get_model_config("partner", "1"),
            "refused": refusals(client),
        }


def look(client: Any, views: NDArray[np.uint8]) -> dict[str, Any]:
    """The logits of all views: as they lie in memory and as JSON, both ways; by default; one by one."""
    from tritonclient.http import InferRequestedOutput

    def infer(*, binary: bool, **more: Any) -> Any:
        outputs = [InferRequestedOutput("logits", binary_data=binary)]
        return client.infer("partner", [image(views, binary=binary)], outputs=outputs, **more)

    named = infer(binary=True, request_id="seven", model_version="1")
    assert named.get_response()["id"] == "seven"
    plain = client.infer("partner", [image(views, binary=True)])
    each = [client.infer("partner", [image(view[None], binary=True)]) for view in views]
    return {
        "binary": named.as_numpy("logits"),
        "json": infer(binary=False).as_numpy("logits"),
        "plain": plain.as_numpy("logits"),
        "each": np.concatenate([one.as_numpy("logits") for one in each]),
    }


def refusals(client: Any) -> list[tuple[str, str]]:
    """What the client says of requests that are none."""
    from tritonclient.http import InferRequestedOutput
    from tritonclient.utils import InferenceServerException

    view = np.zeros((1, 224, 224, 3), np.uint8)
    said = []
    for model, data, output in (
        ("partner", np.zeros((1, 3, 224, 224), np.uint8), "logits"),
        ("partner", view, "scores"),
        ("other", view, "logits"),
    ):
        try:
            client.infer(model, [image(data, binary=True)], outputs=[InferRequestedOutput(output)])
        except InferenceServerException as error:
            said.append((error.status(), error.message()))
    return said


def image(views: NDArray[np.uint8], *, binary: bool) -> Any:
    from tritonclient.http import InferInput

    tensor = InferInput("image", list(views.shape), "UINT8")
    tensor.set_data_from_numpy(views, binary_data=binary)
    return tensor


def config(path: Path) -> dict[str, Any]:
    """Read with Triton's own ModelConfig, from its file: the package around it wants gRPC."""
    from google.protobuf import json_format, text_format

    file = Path(tritonclient.__path__[0], "grpc", "model_config_pb2.py")
    spec = importlib.util.spec_from_file_location("model_config_pb2", file)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    read = text_format.Parse(path.read_text(encoding="utf-8"), module.ModelConfig())
    said: dict[str, Any] = json_format.MessageToDict(read, preserving_proto_field_name=True)
    return said


if __name__ == "__main__":
    what, *where = sys.argv[1:]
    found = service(where[0], *map(Path, where[1:])) if what == "service" else config(Path(where[0]))
    sys.stdout.write(json.dumps(found))
