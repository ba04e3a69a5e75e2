"""Puts a partner into a home: one made of published weights, or one made of any classifier."""

import re
import tempfile
from pathlib import Path
from typing import Final

from clickme_partner.errors import PartnerError
from clickme_partner.published import Report, fetch, sha256
from clickme_partner.recipes import RECIPES, Choice
from clickme_partner.registry import Installed, keep
from clickme_partner.trial import try_out

OWN: Final = "`clickme partner install --from FILE.onnx --normalisation torchvision`"
OFFLINE: Final = (
    "With a network (and, for resnet50, npm) type `clickme partner install` again; "
    f"without one, {OWN} takes a classifier that you have."
)


def install(
    choice: Choice | None,
    *,
    file: Path | None = None,
    normalisation: str | None = None,
    folder: Path,
    cache: Path,
    report: Report,
) -> Installed:
    """Make a partner, put it into `folder`, whole or not at all, and use it from now on.

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
    """Try the partner, then keep it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as temporary:
        new = Path(temporary, f"{name}.onnx")
        new.write_bytes(model)
        report(f"trying {name}")
        try_out(new)
        return keep(folder, new, name=name, source=source, licence=licence)
