"""TensorFlow.js shards, written here as its format says."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np

from clickme_partner.tfjs import read_weights


def test_weights_are_read_across_shards_and_groups(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    first = {"a": random.normal(size=(2, 3)).astype("<f4"), "b": random.normal(size=4).astype("<f4")}
    second = {"c": np.array(2.5, "<f4")}
    values = b"".join(array.tobytes() for array in first.values())

    def group(weights: dict[str, np.ndarray], paths: list[str]) -> dict[str, object]:
        listed = [{"name": n, "shape": list(a.shape), "dtype": "float32"} for n, a in weights.items()]
        return {"paths": paths, "weights": listed}

    manifest = [group(first, ["shard1.bin", "shard2.bin"]), group(second, ["other.bin"])]
    files = {
        "package/net/shard2.bin": values[10:],  # in the middle of a weight, and of a number
        "package/net/model.json": json.dumps({"weightsManifest": manifest}).encode(),
        "package/net/other.bin": second["c"].tobytes(),
        "package/net/deeper/shard1.bin": b"of another model",
        "package/net/shard1.bin": values[:10],
    }
    archive = tmp_path / "package.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

    weights = read_weights(archive, "package/net")

    assert weights.keys() == {"a", "b", "c"}
    for name, array in (first | second).items():
        np.testing.assert_array_equal(weights[name], array)
