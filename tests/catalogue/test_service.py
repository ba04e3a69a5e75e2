"""Adding photographs: counted, kept once, never half."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clickme.catalogue import service
from clickme.catalogue.folder import Source
from clickme.catalogue.models import Category, Image
from clickme.catalogue.prepare import Reason, prepare
from clickme.catalogue.service import Tally, add_demo, add_photographs
from clickme.catalogue.store import keep, photograph_path
from clickme.kit.problems import Problem
from clickme.settings import Limits

LIMITS = Limits()


def picture(file: Path, shade: int, size: tuple[int, int] = (260, 256), class_index: int = 0) -> Source:
    file.parent.mkdir(parents=True, exist_ok=True)
    Pillow.new("RGB", size, (shade, 255 - shade, 0)).save(file, "PNG")
    return Source(file, class_index, f"n01440764/{file.name}")


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Image)) or 0


def summary(tally: Tally) -> tuple[int, int, list[Reason]]:
    return tally.added, tally.there, [left_out.reason for _, left_out in tally.left_out]


def test_a_photograph_is_kept_by_its_hash_and_entered(session: Session, tmp_path: Path) -> None:
    source = picture(tmp_path / "a.png", 100, class_index=7)
    tally = add_photographs(session, tmp_path / "kept", [source], LIMITS)
    assert summary(tally) == (1, 0, [])
    row = session.scalars(select(Image)).one()
    kept = photograph_path(tmp_path / "kept", row.sha256)
    assert kept.read_bytes() == prepare(source.path, LIMITS)
    assert row.sha256 == hashlib.sha256(kept.read_bytes()).hexdigest()
    assert row.source_sha256 == hashlib.sha256(source.path.read_bytes()).hexdigest()
    assert (row.class_index, row.source_path, row.maps) == (7, "n01440764/a.png", 0)
    assert 0 <= row.lot < 2**63
    assert kept.relative_to(tmp_path / "kept").as_posix() == f"{row.sha256[:2]}/{row.sha256}.jpg"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.lists(st.integers(0, 12), max_size=8), then=st.lists(st.integers(0, 12), max_size=8))
def test_adding_twice_adds_once(
    session: Session, tmp_path: Path, first: Sequence[int], then: Sequence[int]
) -> None:
    """Whatever is added, again, and twice at a time: every file has one row and one photograph on disk."""
    sources = [picture(tmp_path / f"{shade}.png", shade * 20) for shade in range(13)]
    undo = session.begin_nested()
    known: set[int] = set()
    for chosen in (first, then, then):
        tally = add_photographs(session, tmp_path / "kept", [sources[i] for i in chosen], LIMITS)
        assert summary(tally) == (len({*chosen} - known), len(chosen) - len({*chosen} - known), [])
        known |= {*chosen}
        assert count(session) == len(known)
        for sha256 in session.scalars(select(Image.sha256)):
            assert photograph_path(tmp_path / "kept", sha256).is_file()
    undo.rollback()


def test_what_is_there_is_not_even_decoded(session: Session, tmp_path: Path) -> None:
    sources = [picture(tmp_path / f"{shade}.png", shade) for shade in range(3)]
    add_photographs(session, tmp_path / "kept", sources, LIMITS)
    with patch.object(service, "prepare", side_effect=AssertionError("decoded again")):
        assert summary(add_photographs(session, tmp_path / "kept", sources, LIMITS)) == (0, 3, [])


def test_another_file_of_the_same_pixels_is_there_already(session: Session, tmp_path: Path) -> None:
    source = picture(tmp_path / "a.png", 100)
    Pillow.open(source.path).save(tmp_path / "b.bmp")
    same = Source(tmp_path / "b.bmp", 0, "n01440764/b.bmp")
    assert summary(add_photographs(session, tmp_path / "kept", [source, same], LIMITS)) == (1, 1, [])
    assert count(session) == 1


def test_bad_photographs_are_counted_and_the_rest_goes_on(session: Session, tmp_path: Path) -> None:
    good = picture(tmp_path / "good.png", 1)
    small = picture(tmp_path / "small.png", 2, size=(1, 1))
    large = picture(tmp_path / "large.png", 3, size=(400, 400))
    text = Source(tmp_path / "text.JPEG", 0, "n01440764/text.JPEG")
    text.path.write_text("no photograph")
    half = Source(tmp_path / "half.png", 0, "n01440764/half.png")
    half.path.write_bytes(picture(tmp_path / "whole.png", 4).path.read_bytes()[:200])
    gone = Source(tmp_path / "gone.png", 0, "n01440764/gone.png")
    tally = add_photographs(
        session, tmp_path / "kept", [gone, small, text, large, half, good], Limits(source_pixels=300 * 300)
    )
    assert {source.path.stem: left_out.reason for source, left_out in tally.left_out} == {
        "gone": Reason.UNREADABLE,
        "small": Reason.TOO_SMALL,
        "text": Reason.UNREADABLE,
        "large": Reason.TOO_LARGE,
        "half": Reason.UNREADABLE,
    }
    assert (tally.added, len(tally), tally.count(Reason.UNREADABLE)) == (1, 6, 3)
    assert len(list((tmp_path / "kept").rglob("*.*"))) == 1


def test_odd_metadata_makes_no_noise(session: Session, tmp_path: Path) -> None:
    Pillow.new("RGB", (300, 300)).save(tmp_path / "a.JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    source = Source(tmp_path / "a.JPEG", 0, "n01440764/a.JPEG")
    # Warnings are errors here: one from Pillow would leave the photograph out.
    assert summary(add_photographs(session, tmp_path / "kept", [source], LIMITS)) == (1, 0, [])


def test_photographs_on_disk_are_whole_or_absent(tmp_path: Path) -> None:
    full = OSError(28, "No space left on device")
    with patch("os.fsync", side_effect=full), pytest.raises(Problem) as caught:
        keep(tmp_path, b"a photograph")
    assert caught.value.code == "not_writable"
    assert "No space left on device" in caught.value.message
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    sha256 = keep(tmp_path, b"a photograph")
    assert keep(tmp_path, b"a photograph") == sha256
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [photograph_path(tmp_path, sha256)]


def test_the_disk_is_written_before_the_row(session: Session, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file where the folder should be")
    with pytest.raises(Problem):
        add_photographs(session, tmp_path / "kept", [picture(tmp_path / "a.png", 1)], LIMITS)
    assert count(session) == 0


def test_the_bundled_photographs_keep_their_credits(session: Session, tmp_path: Path) -> None:
    assert summary(add_demo(session, tmp_path, LIMITS)) == (31, 0, [])
    assert summary(add_demo(session, tmp_path, LIMITS)) == (0, 31, [])
    assert session.scalar(select(func.count(Image.class_index.distinct()))) == 25
    wrong = select(Image.id).join(Category, Category.class_index == Image.class_index)
    assert not session.scalars(wrong.where(~Image.source_path.startswith(Category.wnid + "/"))).all()
    listed = service.credits(session)
    assert len(listed) == 31
    assert {credit.licence for credit in listed} == {"Public Domain", "CC0-1.0"}
    assert all(credit.author and credit.source for credit in listed)
    [chelsea] = [credit for credit in listed if credit.source == "scikit-image skimage.data.chelsea"]
    assert (chelsea.category, chelsea.author, chelsea.is_link) == ("tabby cat", "Stefan van der Walt", False)
    assert sum(credit.is_link for credit in listed) == 28
    assert [credit.category for credit in listed] == sorted(credit.category for credit in listed)


def test_photographs_without_credit_are_not_in_the_credits(session: Session, tmp_path: Path) -> None:
    add_photographs(session, tmp_path / "kept", [picture(tmp_path / "a.png", 1)], LIMITS)
    assert service.credits(session) == []
