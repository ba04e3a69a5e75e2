"""`--from FILE`: classifiers of every layout and normalisation, against the same arithmetic in NumPy."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto

from clickme_partner.errors import PartnerError
from clickme_partner.normalisation import NORMALISATIONS, adapt
from clickme_partner.session import Session

Tiny = Callable[..., Path]
Answer = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]

VIEWS = np.random.default_rng(11).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
RGB = VIEWS.astype(np.float64)
# Each as the framework's documentation words it.
NORMALISED = {
    "torchvision": (RGB / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
    "caffe": RGB[..., ::-1] - [103.939, 116.779, 123.68],
    "tf": RGB / 127.5 - 1,
    "unit": RGB / 255,
    "none": RGB,
}


def look(model: bytes, folder: Path) -> npt.NDArray[np.float32]:
    path = folder / "partner.onnx"
    path.write_bytes(model)
    onnx.checker.check_model(path, full_check=True)
    with closing(Session(path)) as engine:
        return engine.logits(VIEWS)


def test_every_normalisation_is_tested() -> None:
    assert NORMALISED.keys() == NORMALISATIONS.keys()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("normalisation", NORMALISED)
def test_pixels_are_laid_out_and_normalised_as_the_classifier_wants_them(
    tiny: Tiny, answer: Answer, tmp_path: Path, normalisation: str, layout: str
) -> None:
    logits = look(adapt(tiny(layout), normalisation), tmp_path)
    np.testing.assert_allclose(logits, answer(NORMALISED[normalisation]), rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize(
    "form",
    [
        {"names": ("planes", "centred")},  # as the partner's own nodes are called
        {"layout": "NHWC"},
        {"batch": 1},
        {"size": "side"},
        {"say_output": False},
        {"ir_version": 3, "opset": 7},
    ],
    ids=str,
)
def test_a_classifier_may_come_in_many_forms(
    tiny: Tiny, answer: Answer, tmp_path: Path, form: dict[str, object]
) -> None:
    logits = look(adapt(tiny(**form), "unit"), tmp_path)
    np.testing.assert_allclose(logits, answer(NORMALISED["unit"]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("form", "code", "said"),
    [
        ({"size": 299}, "wrong_input", "299, 299"),
        ({"kind": TensorProto.UINT8}, "wrong_input", "uint8"),
        ({"classes": 10}, "wrong_classes", "[?, 10]"),
        ({"opset": 6, "ir_version": 3}, "old_model", "opset 6"),
    ],
    ids=str,
)
def test_what_cannot_be_a_partner_is_refused_with_a_reason(
    tiny: Tiny, form: dict[str, object], code: str, said: str
) -> None:
    with pytest.raises(PartnerError) as error:
        adapt(tiny(**form), "unit")
    assert error.value.code == code
    assert said in error.value.message


def test_what_is_not_onnx_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.onnx"
    text.write_text("no model at all")
    with pytest.raises(PartnerError) as error:
        adapt(text, "unit")
    assert error.value.code == "corrupt_model"
