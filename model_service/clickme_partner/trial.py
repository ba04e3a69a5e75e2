"""Whether a file is a partner in deed: a graph may promise what it does not keep."""

from contextlib import closing
from pathlib import Path

import numpy as np

from clickme_partner.errors import PartnerError
from clickme_partner.session import CLASSES, Session
from clickme_partner.view import CROP, MEAN_COLOUR


def try_out(path: Path) -> None:
    """Let a file look at two views at once.

    Raises PartnerError: what `Session` raises, and `not_a_partner` if it cannot, or answers with anything
    but 1,000 finite numbers a view.
    """
    views = np.stack([np.zeros((CROP, CROP, 3), np.uint8), np.full((CROP, CROP, 3), MEAN_COLOUR)])
    with closing(Session(path)) as session:
        try:
            logits = session.logits(views)
        except PartnerError as error:
            message = f"{path.name} cannot look at two views at once: export it with a free batch size."
            raise PartnerError("not_a_partner", message) from error
    if logits.shape != (len(views), CLASSES) or not np.isfinite(logits).all():
        message = f"{path.name} does not answer with 1,000 numbers a view: this game cannot use it."
        raise PartnerError("not_a_partner", message)
