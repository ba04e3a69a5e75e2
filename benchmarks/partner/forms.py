"""The partner in its forms, each in a home of its own: as it was published, and as 8-bit integers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clickme.partners.bundled import bundled
from clickme.partners.optimise import calibration
from clickme.settings import Settings
from clickme_partner.install import install
from clickme_partner.optimise import optimised
from clickme_partner.pace import Pace, remembered
from clickme_partner.published import Report
from clickme_partner.session import Session
from clickme_partner.view import centre

PUBLISHED: Final = "fp32"
QUICK: Final = "int8"
FORMS: Final = (PUBLISHED, QUICK)


@dataclass(frozen=True)
class Form:
    """`model` is the ONNX file that every system runs; it is the partner in use in `home`."""

    name: str
    home: Path
    model: Path
    pace: Pace  # as ours remember it for this machine
    view: NDArray[np.uint8]  # [224, 224, 3], and
    logits: NDArray[np.float32]  # [1000]: what everybody has to say of it


def make(name: str, scratch: Path, report: Report) -> Form:
    """A form of resnet50 in a new home under `scratch`, kept however well it does.

    PartnerError as `install` and `optimised` raise it.
    """
    photographs, _ = bundled()
    home, cache = scratch / f"home-{name}", Settings().cache
    folder = home / "partner"
    partner = install("resnet50", folder=folder, cache=cache, report=report)
    if name == QUICK:
        report("making the int8 form")
        file = scratch / "resnet50-int8.onnx"
        optimised(partner.path, file, QUICK, calibration(photographs[1::2]))
        partner = install(None, file=file, normalisation="inside", folder=folder, cache=cache, report=report)
    report(f"trying batches: {name}")
    session, view = Session(partner.path), centre(photographs[0])
    (logits,) = session.logits(view[None])
    return Form(name, home, partner.path, remembered(session, folder), view, logits)
