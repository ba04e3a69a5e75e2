"""NVIDIA's own client finds in our service what it finds in Triton."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from clickme_partner.session import Session
from partner.inference.made import VIEWS

PROGRAM = Path(__file__).with_name("triton_program.py")


def test_the_real_client_finds_a_partner(serve: Callable[..., str], partner: Session, tmp_path: Path) -> None:
    views, out = tmp_path / "views.npy", tmp_path / "out.npz"
    np.save(views, VIEWS)
    address = serve(partner).removeprefix("http://")
    done = subprocess.run(
        [sys.executable, PROGRAM, "service", address, views, out], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    expected = partner.logits(VIEWS)
    with np.load(out) as answers:
        assert sorted(answers) == ["binary", "each", "json", "plain"]
        for way in answers:
            assert answers[way].dtype == np.float32
            np.testing.assert_allclose(answers[way], expected, rtol=1e-4, atol=1e-2, err_msg=way)
    assert [found[key] for key in ("live", "ready", "model_ready", "version_ready")] == [True] * 4
    assert found["other_ready"] is False
    assert found["server"]["name"] == "clickme"
    assert found["model"]["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 224, 224, 3]}]
    assert found["config"]["parameters"]["clickme_version"] == {"string_value": "tiny@abc"}
    (shape, output, model) = found["refused"]
    assert shape == ["400", "`image` has shape [1, 3, 224, 224]: it must be [n, 224, 224, 3]."]
    assert output[0] == "400"
    assert "no output 'scores'" in output[1]
    assert model[0] == "404"
    assert "no model 'other'" in model[1]
