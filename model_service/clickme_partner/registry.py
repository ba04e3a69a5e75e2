"""The partners of a home: what each is, how good it was found to be, and which one is played with.

`partner.json` in the folder says it all, and is replaced as a whole. Files that it never named are nobody's
business here, and stay.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter

from clickme_partner.errors import PartnerError
from clickme_partner.published import sha256

CARD: Final = "partner.json"
LOCK: Final = ".lock"  # held by whoever changes the card

Form = Literal["fp32", "int8", "fp16"]
Made = Literal["int8", "fp16"]  # the forms that are made of another


@dataclass(frozen=True)
class Measured:
    """How many of so many `photographs`, wholly shown, a partner names: first, and among its first five."""

    photographs: int
    top1: int
    top5: int


@dataclass(frozen=True)
class Judgement:
    """What was found when a form was held against the plain partner that it is made of.

    On `views` that it was not calibrated on: shares in [0, 1] of equal first guesses, on whole photographs
    and on bubbled ones, and of plain first guesses among the form's first five. In `rounds` of code players:
    how many each recognised. Side by side, `batch` views at once: views/s of each, and who did the work.
    """

    views: int
    first_equal_whole: float
    first_equal_bubbled: float
    in_top5: float
    rounds: int
    recognised_plain: int
    recognised_form: int
    views_per_s_plain: float
    views_per_s_form: float
    batch: int
    provider: str
    onnxruntime: str  # its version


@dataclass(frozen=True)
class Installed:
    """A partner in a home.

    `sha256` is of its ONNX file, in hexadecimal; `source` says where its weights come from. A form that was
    made of another partner has that one's sha256 in `of`, and the `judgement` that it passed.
    """

    name: str
    path: Path
    sha256: str
    source: str
    licence: str
    form: Form = "fp32"
    of: str | None = None
    measured: Measured | None = None
    judgement: Judgement | None = None

    @property
    def version(self) -> str:
        """What is recorded with every round."""
        return f"{self.name}@{self.sha256}"


@dataclass(frozen=True)
class _Card:
    """All partners, and the name of the one in use. In the file, paths are names in its folder."""

    in_use: str
    partners: tuple[Installed, ...]

    def __post_init__(self) -> None:
        names = [partner.name for partner in self.partners]
        plain = {partner.sha256 for partner in self.partners if partner.form == "fp32"}
        if len(set(names)) < len(names) or self.in_use not in names:
            raise ValueError("each partner has a name of its own, and one of them is in use")
        if any(partner.form != "fp32" and partner.of not in plain for partner in self.partners):
            raise ValueError("a form is nothing without the partner that it was made of")

    @property
    def used(self) -> Installed:
        return self.named(self.in_use)

    @property
    def plain(self) -> Installed:
        used = self.used
        return next((p for p in self.partners if p.sha256 == used.of), used)

    def named(self, name: str) -> Installed:
        for partner in self.partners:
            if partner.name == name:
                return partner
        there = ", ".join(partner.name for partner in self.partners)
        raise PartnerError("unknown_partner", f"There is no partner {name} here. There is: {there}.")


_FILE: Final = TypeAdapter(_Card)


def partners(folder: Path) -> list[Installed]:
    """All partners in `folder`, as they came; their files are not looked at.

    Raises PartnerError `corrupt_model` where the card cannot be read.
    """
    card = _read(folder)
    return list(card.partners) if card else []


def installed(folder: Path) -> Installed | None:
    """The partner in use in `folder`, or None where there is none yet.

    Raises PartnerError `corrupt_model` where it is not, to the last bit, what was installed.
    """
    return _sound(folder, lambda card: card.used)


def named(folder: Path, name: str) -> Installed | None:
    """The partner of that name in `folder`, or None where there is none yet.

    Raises PartnerError `corrupt_model` as `installed` does, and `unknown_partner`.
    """
    return _sound(folder, lambda card: card.named(name))


def plain(folder: Path) -> Installed | None:
    """The partner that the one in use is a form of; itself, if it is no form. None where there is none yet.

    Raises PartnerError `corrupt_model` as `installed` does.
    """
    return _sound(folder, lambda card: card.plain)


def use(folder: Path, name: str) -> Installed:
    """Play with that partner from now on.

    Raises PartnerError `unknown_partner`, with the names of those that are there, `corrupt_model` or
    `cannot_write`.
    """
    with _locked(folder):
        card = _there(folder)
        chosen = _whole(card.named(name))
        _write(folder, replace(card, in_use=name))
    return chosen


def measured(folder: Path, partner: Installed, found: Measured) -> Installed:
    """Put on a partner's card how good it was found to be; what was on it before is forgotten.

    Raises PartnerError `unknown_partner` where it was removed or replaced meanwhile, and `cannot_write`.
    """
    with _locked(folder):
        card = _there(folder)
        former = card.named(partner.name)
        if former.sha256 != partner.sha256:
            message = f"{partner.name} was replaced while it was measured: measure it again."
            raise PartnerError("unknown_partner", message)
        now = replace(former, measured=found)
        _write(folder, replace(card, partners=tuple(now if p is former else p for p in card.partners)))
    return now


def keep(folder: Path, file: Path, *, name: str, source: str, licence: str) -> Installed:
    """Move `file` (on the folder's own disk) into `folder` as the partner `name`, and use it from now on.

    It takes the place of the one of that name, whose forms go with it. A card that cannot be read is put
    right. Raises PartnerError `cannot_write`; then all is as it was.
    """
    with _locked(folder):
        try:
            card = _read(folder)
        except PartnerError:
            card = None
        return _keep(folder, card, file, Installed(name, file, sha256(file), source, licence))


def keep_form(folder: Path, file: Path, form: Made, of: Installed, judgement: Judgement) -> Installed:
    """Move `file` (on the folder's own disk) into `folder` as that form of a partner, and use it from now on.

    It is called `resnet50-int8` if that is what it is. Raises PartnerError `unknown_partner` where the one
    that it is made of was removed or replaced meanwhile, `corrupt_model` and `cannot_write`.
    """
    with _locked(folder):
        card = _there(folder)
        if of.sha256 not in {partner.sha256 for partner in card.partners if partner.form == "fp32"}:
            message = f"{of.name} was replaced while a form of it was made: type `clickme partner optimise`."
            raise PartnerError("unknown_partner", message)
        new = Installed(f"{of.name}-{form}", file, sha256(file), of.source, of.licence, form, of.sha256)
        return _keep(folder, card, file, replace(new, judgement=judgement))


def _keep(folder: Path, card: _Card | None, file: Path, new: Installed) -> Installed:
    """Give the new file its name, have the card say so, then remove what the card no longer speaks of."""
    # With its hash in its name it never takes another's place before the card says so.
    new = replace(new, path=folder / f"{new.name}-{new.sha256[:12]}.onnx")
    former = card.partners if card else ()
    replaced = {partner.sha256 for partner in former if partner.name == new.name}
    staying = [p for p in former if p.name != new.name and p.of not in replaced]
    _settle(file)
    file.replace(new.path)
    try:
        _write(folder, _Card(new.name, (*staying, new)))
    except BaseException:
        if all(partner.path != new.path for partner in former):
            new.path.unlink()
        raise
    for path in {partner.path for partner in former} - {new.path, *(partner.path for partner in staying)}:
        with suppress(OSError):  # it is forgotten already
            path.unlink()
    return new


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Have the card to oneself, among all who change it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel drops it even when a process is killed
            yield
    except OSError as error:
        message = f"The partner could not be stored: {error.strerror} ({error.filename})."
        raise PartnerError("cannot_write", message) from error


def _sound(folder: Path, choose: Callable[[_Card], Installed]) -> Installed | None:
    card = _read(folder)
    while card:
        try:
            return _whole(choose(card))
        except PartnerError:
            before, card = card, _read(folder)
            if card == before:  # else somebody has just replaced it, and its file with it
                raise
    return None


def _whole(partner: Installed) -> Installed:
    try:
        sound = sha256(partner.path) == partner.sha256
    except OSError:
        sound = False
    if not sound:
        message = f"The partner {partner.path} is damaged: type `clickme partner install` to put it right."
        raise PartnerError("corrupt_model", message)
    return partner


def _there(folder: Path) -> _Card:
    card = _read(folder)
    if card is None:
        message = f"There is no partner in {folder} yet: type `clickme partner install`."
        raise PartnerError("unknown_partner", message)
    return card


def _read(folder: Path) -> _Card | None:
    path = folder / CARD
    if not path.is_file():
        return None
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if "partners" not in facts:  # as it was while a home had one partner
            facts = {"in_use": facts["name"], "partners": [facts | {"path": facts["file"]}]}
        card = _FILE.validate_python(facts)
        if any(partner.path.name != str(partner.path) for partner in card.partners):
            raise ValueError("a partner's file lies beside the card")
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{path} cannot be read: type `clickme partner install` to put it right."
        raise PartnerError("corrupt_model", message) from error
    return replace(card, partners=tuple(replace(p, path=folder / p.path) for p in card.partners))


def _write(folder: Path, card: _Card) -> None:
    beside = replace(card, partners=tuple(replace(p, path=Path(p.path.name)) for p in card.partners))
    new = folder / f".{CARD}"  # whoever writes it has the lock: it can be nobody else's
    new.write_bytes(_FILE.dump_json(beside, indent=2, exclude_none=True) + b"\n")
    _settle(new)
    new.replace(folder / CARD)
    _settle(folder)


def _settle(path: Path) -> None:
    """Have the disk hold a file, or a folder's list."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
