"""A folder that NVIDIA's Triton Inference Server serves a partner from."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Final

from clickme_partner.errors import PartnerError
from clickme_partner.inference.wire import CLASSES, IMAGE, LOGITS, MODEL, MOST_VIEWS, VERSION_KEY, VIEW

CONFIG: Final = "config.pbtxt"
FILE: Final = Path("1", "model.onnx")


def write_repository(folder: Path, partner: Path, version: str) -> Path:
    """Write a model repository into `folder`, with the ONNX file `partner` as its model `partner`.

    `version` is the partner's name@sha256. Returns the model's folder, which is there whole or not at all,
    in the place of one written before. Other models in `folder` stay as they are.

    Raises PartnerError: `no_model`, `not_ours` (there is such a model, written by somebody else),
    `cannot_write`. Layout: "Model Repository" in Triton's documentation; `config.pbtxt` is its ModelConfig.
    """
    if not partner.is_file():
        raise PartnerError("no_model", f"There is no model {partner}: type `clickme partner install`.")
    model = folder / MODEL
    if model.exists() and not _is_ours(model):
        message = f"{model} was not written by this command, and stays: name another folder."
        raise PartnerError("not_ours", message)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as temporary:
            new, old = Path(temporary, "new"), Path(temporary, "old")
            (new / FILE).parent.mkdir(parents=True)
            shutil.copyfile(partner, new / FILE)
            (new / CONFIG).write_text(_config(version), encoding="utf-8")
            if model.exists():
                model.replace(old)
            try:
                new.replace(model)
            except OSError:
                if old.exists():
                    old.replace(model)
                raise
    except OSError as error:
        message = f"The model repository could not be written: {error.strerror} ({error.filename})."
        raise PartnerError("cannot_write", message) from error
    return model


def _is_ours(model: Path) -> bool:
    """Whether it has what `write_repository` writes, and nothing else."""
    files = {path.relative_to(model) for path in model.rglob("*") if not path.is_dir()}
    return files == {Path(CONFIG), FILE} and VERSION_KEY in (model / CONFIG).read_text(errors="replace")


def _config(version: str) -> str:
    """The model's configuration. Triton adds the batch to dims, and chooses where to run it by itself."""
    return f"""\
name: "{MODEL}"
backend: "onnxruntime"
max_batch_size: {MOST_VIEWS}
input [ {{ name: "{IMAGE}" data_type: TYPE_UINT8 dims: {list(VIEW)} }} ]
output [ {{ name: "{LOGITS}" data_type: TYPE_FP32 dims: [{CLASSES}] }} ]
# What has come while it looked is looked at together; nothing waits for company.
dynamic_batching {{ max_queue_delay_microseconds: 0 }}
instance_group [ {{ kind: KIND_AUTO }} ]
parameters {{ key: "{VERSION_KEY}" value: {{ string_value: {json.dumps(version)} }} }}
"""
