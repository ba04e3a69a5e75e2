"""The study of fills: shares that are counted right, whatever is played together, and the command."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clickme.catalogue.demo import demo_photographs
from clickme.catalogue.folder import Source, read_folder
from clickme.catalogue.prepare import prepare
from clickme.kit.home import open_home
from clickme.settings import Limits, Settings
from clickme.studies import fills as study
from clickme.studies.fills import curves, fills, table
from clickme.studies.imagenette import enlarged
from clickme_partner.install import install
from clickme_partner.session import Session
from conftest import quiet
from in_process import clickme

WITHIN = range(10, 141, 10)


@pytest.fixture(scope="module")
def koalas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five noisy pictures, one of them small; the network of `koala_model` takes three for koalas."""
    folder = tmp_path_factory.mktemp("koalas")
    chance = np.random.default_rng(5)
    for number in range(5):
        wnid = "n01882714" if number < 3 else "n01440764"
        (folder / wnid).mkdir(exist_ok=True)
        side = 200 if number == 0 else 300
        pixels = chance.integers(0, 100, (side, side + 20, 3), np.uint8)
        Image.fromarray(pixels).save(folder / wnid / f"{number}.JPEG")
    return folder


@pytest.fixture(scope="module")
def sources(koalas: Path) -> list[Source]:
    return list(read_folder(koalas))


def test_shares_are_of_rounds_within_so_many_bubbles() -> None:
    chance = np.random.default_rng(3)
    found = chance.choice([10.0, 50.0, 140.0, np.inf], (3, 3, 2, 8, 4))
    made = list(curves(found))
    assert [(one.strategy, one.fill, one.top_k) for one in made[:4]] == [
        ("spiral", "mean", 1),
        ("spiral", "mean", 5),
        ("spiral", "mean", 10),
        ("spiral", "black", 1),
    ]
    assert len(made) == 18
    rounds = found[1, 2, 1].ravel().tolist()  # contrast on black, ten guesses
    curve = next(one for one in made if (one.strategy, one.fill, one.top_k) == ("contrast", "black", 10))
    assert [share.bubbles for share in curve.shares] == list(WITHIN)
    for share in curve.shares:
        assert share.share == pytest.approx(sum(at <= share.bubbles for at in rounds) / len(rounds))
        assert share.low <= share.share <= share.high


def test_intervals_are_over_photographs_not_over_rounds() -> None:
    """A photograph's players all do alike: a hundred of them tell no more than one."""
    alike = np.where(np.arange(40) < 20, 10.0, np.inf)[:, None]
    one = next(curves(np.broadcast_to(alike, (3, 3, 2, 40, 1)))).shares[0]
    many = next(curves(np.broadcast_to(alike, (3, 3, 2, 40, 100)))).shares[0]
    assert one == many
    # The binomial's own: 0.5 ± 1.96 * sqrt(0.25 / 40)
    assert one.low == pytest.approx(0.345, abs=0.03)
    assert one.high == pytest.approx(0.655, abs=0.03)


def test_more_guesses_and_more_bubbles_never_lose_a_round(koala_model: Path, sources: list[Source]) -> None:
    heard: list[int] = []
    found = fills(Session(koala_model, version="koala@test"), sources, heard.append, players=2)
    assert (found.partner, found.photographs, found.players, heard) == ("koala@test", 5, 2, [5])
    for curve in found.curves:
        assert all(one.share <= other.share for one, other in pairwise(curve.shares))
    for one, five, ten in zip(found.curves[::3], found.curves[1::3], found.curves[2::3], strict=True):
        for shares in zip(one.shares, five.shares, ten.shares, strict=True):
            assert shares[0].share <= shares[1].share <= shares[2].share
    # Whoever paints enough of a koala on its fill has it named first; a tench never is one.
    assert found.curves[0].shares[-1].share == pytest.approx(3 / 5)


def test_what_is_played_together_changes_nothing(
    koala_model: Path, sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(koala_model)
    at_once = fills(session, sources, lambda done: None, players=1)
    monkeypatch.setattr(study, "TOGETHER", 2)
    heard: list[int] = []
    assert fills(session, sources, heard.append, players=1) == at_once
    assert heard == [2, 4, 5]


def test_bundled_photographs_are_as_the_game_shows_them() -> None:
    for source in demo_photographs()[::6]:
        assert enlarged(source.path) == prepare(source.path, Limits())


def test_the_command_prints_a_table_or_json(koala_model: Path, koalas: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    refused = clickme("study", "fills", koalas, "--home", home)
    assert refused.returncode == 1
    assert "clickme partner install" in refused.stderr.splitlines()[-1]

    install(
        None,
        file=koala_model,
        normalisation="inside",
        folder=open_home(home).partner,
        cache=Settings().cache,
        report=quiet,
    )
    done = clickme("study", "fills", koalas, "--players", 1, "--home", home)
    assert done.returncode == 0, done.stderr
    as_json = clickme(
        "study", "fills", koalas, "--players", 1, "--partner", "koala", "--home", home, "--json"
    )
    facts = json.loads(as_json.stdout)
    assert facts["partner"].startswith("koala@")
    assert (facts["photographs"], facts["players"], len(facts["curves"])) == (5, 1, 18)

    heading, rule, *rows = done.stdout.splitlines()
    assert heading == "| player | fill | k | " + " | ".join(map(str, WITHIN)) + " | 95 % interval at 140 |"
    assert rule.count("---") == heading.count(" |")
    for row, curve in zip(rows, facts["curves"], strict=True):
        cells = row.strip("| ").split(" | ")
        assert cells[:3] == [curve["strategy"], curve["fill"], str(curve["top_k"])]
        assert cells[3:-1] == [f"{100 * share['share']:.0f}" for share in curve["shares"]]

    unknown = clickme("study", "fills", koalas, "--partner", "vgg16", "--home", home)
    assert unknown.returncode == 1
    assert unknown.stderr.splitlines()[-1].endswith("There is no partner vgg16 here. There is: koala.")


def test_the_table_of_a_study_says_percents() -> None:
    found = np.full((3, 3, 2, 4, 1), 20.0)
    found[..., 0, :] = np.inf
    lines = list(table(study.Fills("p@1", 4, 1, tuple(curves(found)))))
    assert lines[2].startswith("| spiral | mean | 1 | 0 | 75 | 75 |")
