"""A form is kept where it does what is demanded, and leaves no trace where it does not."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from clickme.kit.problems import Problem
from clickme.partners.bundled import bundled
from clickme.partners.optimise import DEMANDS, Demands, Found, optimise, quickest, shortcomings
from clickme.settings import Settings
from clickme_partner import registry
from clickme_partner.errors import PartnerError
from clickme_partner.install import install
from clickme_partner.optimise import optimised
from clickme_partner.registry import Installed, Judgement, Measured, installed, partners, plain
from conftest import quiet

Put = Callable[[Path], Installed]
ANYTHING = Demands(in_top5=0, first_equal=0, rounds_lost=1, photographs_lost=31, times_as_fast=0)
NOTHING = Demands(times_as_fast=1e9)  # passes

EQUAL = Found(
    Judgement(
        views=200,
        first_equal_whole=0.95,
        first_equal_bubbled=0.85,
        in_top5=0.99,
        rounds=64,
        recognised_plain=40,
        recognised_form=40,
        views_per_s_plain=20.0,
        views_per_s_form=40.0,
        batch=4,
        provider="CPUExecutionProvider",
        onnxruntime="1.23.0",
    ),
    first_equal=0.86,
    plain=Measured(31, 26, 31),
    form=Measured(31, 25, 31),
)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def judged(**changed: object) -> Found:
    return replace(EQUAL, judgement=replace(EQUAL.judgement, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "found",
    [
        EQUAL,
        judged(in_top5=0.98),
        replace(EQUAL, first_equal=0.80),
        judged(recognised_form=37),
        replace(EQUAL, form=Measured(31, 0, 30)),
        judged(views_per_s_form=22.0),
        judged(recognised_form=64),
    ],
)
def test_what_is_just_enough_passes(found: Found) -> None:
    assert list(shortcomings(found, DEMANDS)) == []


@pytest.mark.parametrize(
    ("found", "numbers"),
    [
        (judged(in_top5=0.975), ["97.5%", "200 views", "98%"]),
        (replace(EQUAL, first_equal=0.63), ["63.0%", "200 views", "80%"]),
        (judged(recognised_form=36), ["36 of 64 rounds", "plain one 40", "5%"]),
        (replace(EQUAL, form=Measured(31, 26, 29)), ["29 of 31 photographs", "plain ones 31", "1 may"]),
        (judged(views_per_s_form=21.9), ["22 views/s", "at 20", "1.1 times"]),
    ],
)
def test_what_falls_short_is_said_with_its_numbers(found: Found, numbers: list[str]) -> None:
    (said,) = shortcomings(found, DEMANDS)
    for number in numbers:
        assert number in said


@dataclass(frozen=True)
class Made:
    """What became of one partner, what was said meanwhile, and what its form was made with."""

    folder: Path
    source: Installed
    kept: Installed
    heard: list[tuple[str, float | None]]
    views: npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def made(put: Put, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A form of a few layers, of which nothing was demanded."""
    folder = tmp_path_factory.mktemp("made")
    source = put(folder)
    heard: list[tuple[str, float | None]] = []
    shown: list[npt.NDArray[np.uint8]] = []

    def watched(source: Path, target: Path, form: registry.Made, views: npt.NDArray[np.uint8]) -> None:
        shown.append(views)
        optimised(source, target, form, views)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clickme.partners.optimise.optimised", watched)
        kept = optimise(folder, lambda step, fraction=None: heard.append((step, fraction)), ANYTHING)
    return Made(folder, source, kept, heard, np.concatenate(shown))


def test_a_form_that_passes_is_used_and_its_card_says_why(made: Made) -> None:
    kept = made.kept
    assert (kept.name, kept.form, kept.of) == ("few-layers-int8", "int8", made.source.sha256)
    assert installed(made.folder) == kept
    known = plain(made.folder)
    assert known is not None
    assert known.sha256 == made.source.sha256
    assert known.measured is not None
    assert kept.measured is not None
    assert known.measured.photographs == kept.measured.photographs == 31
    found = kept.judgement
    assert found is not None
    # Sixteen whole photographs; a player of each of two strategies on each, looked at seven times.
    assert (found.views, found.rounds) == (16 + 16 * 2 * 7, 32)
    assert found.provider == "CPUExecutionProvider"
    assert found.first_equal_whole > 0.5  # 8 bits or 32, it is the same network
    assert found.in_top5 > 0.8
    assert {partner.path for partner in partners(made.folder)} == set(made.folder.glob("*.onnx"))
    assert not list(made.folder.glob(".form-*"))


def test_whoever_waits_is_told_how_far_it_is(made: Made) -> None:
    steps = [step for step, fraction in made.heard if fraction is None]
    assert steps == [
        "making the int8 form of few-layers",
        "holding it against the plain one",
        "timing both, side by side",
    ]
    fractions = [fraction for _, fraction in made.heard if fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_a_form_is_judged_by_photographs_that_it_was_not_made_with(made: Made) -> None:
    middles = bundled()[0][:, 16:240, 16:240]
    # Of each view, the pixels that are a photograph's, painted wholly or here and there.
    shares = np.array([[(view == middle).all(axis=-1).mean() for middle in middles] for view in made.views])
    assert shares[:, 1::2].max(axis=1).min() > 0.02
    assert shares[:, ::2].max() < 0.02


def test_a_form_that_fails_leaves_no_trace(put: Put, tmp_path: Path) -> None:
    put(tmp_path)
    before = files(tmp_path)
    with pytest.raises(Problem, match=r"The int8 form of few-layers is not kept: it looks at") as refused:
        optimise(tmp_path, quiet, replace(ANYTHING, times_as_fast=1e9))
    assert refused.value.code == "not_kept"
    assert files(tmp_path) == before


def test_a_form_is_made_again_of_the_plain_partner_behind_the_one_in_use(made: Made, tmp_path: Path) -> None:
    folder = tmp_path / "partner"
    shutil.copytree(made.folder, folder)
    again = optimise(folder, quiet, ANYTHING)
    assert again.sha256 == made.kept.sha256
    assert [partner.sha256 for partner in partners(folder)] == [made.source.sha256, made.kept.sha256]


def test_without_a_partner_there_is_nothing_to_optimise(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="clickme partner install") as refused:
        optimise(tmp_path, quiet)
    assert refused.value.code == "no_partner"
    assert files(tmp_path) == {}


def test_a_partner_whose_form_falls_short_is_used_as_it_is(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clickme.partners.optimise.DEMANDS", NOTHING)
    source = put(tmp_path)
    heard: list[str] = []
    done = quickest(tmp_path, source, lambda step, fraction=None: heard.append(step))
    assert (done.version, done.form) == (source.version, "fp32")
    assert done.measured is not None
    assert installed(tmp_path) == done
    assert any("is not kept" in said for said in heard)


def test_what_cannot_be_made_a_form_of_is_used_as_it_is(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = put(tmp_path)

    def cannot(*_: object) -> None:
        raise PartnerError("cannot_optimise", "It holds a layer that has no 8-bit form.")

    monkeypatch.setattr("clickme.partners.optimise.optimised", cannot)
    heard: list[str] = []
    done = quickest(tmp_path, source, lambda step, fraction=None: heard.append(step))
    assert done.version == source.version
    assert "It holds a layer that has no 8-bit form. Going on with the plain one." in heard


def test_resnet18_loses_little_in_8_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is demanded, but for its speed, which is this machine's business, on fewer views."""
    monkeypatch.setattr("clickme.partners.optimise.STEP", 70)
    install("resnet18", folder=tmp_path, cache=Settings().cache, report=quiet)
    kept = optimise(tmp_path, quiet, replace(DEMANDS, times_as_fast=0, rounds_lost=0.1))
    assert kept.name == "resnet18-int8"
    assert kept.measured is not None
    assert kept.measured.top5 >= 28
