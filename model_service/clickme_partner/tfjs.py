"""Reads the weights of a TensorFlow.js layers model from a packed archive.

The format: `model.json` lists groups of weights in order; the shards of a group, laid end to end, hold their
values (tfjs-core, io/types: WeightsManifestConfig).
"""

import json
import math
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

Weights = dict[str, npt.NDArray[np.float32]]


def read_weights(archive: Path, folder: str) -> Weights:
    """Every weight of `folder`/model.json in the .tgz `archive`, by its name: float32, in its own shape.

    The archive is read once from front to back, because jumping in a .tgz is slow, and never unpacked to
    disk.
    """
    files: dict[str, bytes] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.parent == PurePosixPath(folder) and (file := tar.extractfile(member)):
                files[path.name] = file.read()
    weights: Weights = {}
    for group in json.loads(files["model.json"])["weightsManifest"]:
        values = np.frombuffer(b"".join(files[path] for path in group["paths"]), dtype="<f4")
        start = 0
        for weight in group["weights"]:
            end = start + math.prod(weight["shape"])
            weights[weight["name"]] = values[start:end].reshape(weight["shape"])
            start = end
    return weights
