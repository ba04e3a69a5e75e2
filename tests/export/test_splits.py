"""Which split a photograph is in: a keyed hash, every class in each, and nothing ever moves."""

from collections import Counter
from hashlib import sha256

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, literal, select, update
from sqlalchemy.orm import Session

from clickme.catalogue.models import Category, Image
from clickme.export.splits import by_hash, firsts, place, split
from clickme.game.closing import count_maps


def independent(source: str) -> str:
    """The same rule in plain Python."""
    share = int.from_bytes(sha256(b"clickme split 1:" + source.encode()).digest(), "big") / 2**256
    return "train" if share < 0.90 else "validation" if share < 0.95 else "test"


def source(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def test_splits_are_stretches_of_a_keyed_hash(session: Session) -> None:
    for number in range(2000):
        assert session.scalar(select(by_hash(place(literal(source(number)))))) == independent(source(number))


def add(session: Session, numbers: range, class_index: int = 0) -> list[int]:
    """Photographs without a map; their ids."""
    rows = [
        {
            "class_index": class_index,
            "sha256": source(number),
            "source_sha256": source(number),
            "source_path": "",
            "lot": 0,
        }
        for number in numbers
    ]
    return list(session.scalars(insert(Image).returning(Image.id), rows))


def splits(session: Session) -> dict[int, str]:
    first = firsts()
    found = session.execute(
        select(Image.id, split(first))
        .outerjoin(first, first.c.class_index == Image.class_index)
        .where(Image.maps > 0)
    )
    return {image: name for image, name in found}  # noqa: C416 - a row is no pair


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(start=st.integers(0, 10**6), order=st.permutations(range(45)), cut=st.integers(0, 45))
def test_every_class_is_in_each_split_once_it_has_enough_and_nothing_moves(
    session: Session, start: int, order: list[int], cut: int
) -> None:
    inner = session.begin_nested()
    session.execute(delete(Image))
    session.execute(update(Category).values(mapped=0))
    images = add(session, range(start, start + 45))
    for nth in order[:cut]:
        count_maps(session, [images[nth]])
    before = splits(session)
    add(session, range(start + 45, start + 60))
    for nth in order:  # those before the cut are painted once more
        count_maps(session, [images[nth]])
    after = splits(session)
    inner.rollback()

    assert len(before) == cut
    assert before.items() <= after.items()
    for found in (before, after):
        if len(found) >= 21:
            assert set(found.values()) == {"train", "validation", "test"}
    moved = [image for nth, image in enumerate(images) if after[image] != independent(source(start + nth))]
    assert len(moved) <= 2


def test_the_splits_are_90_5_and_5_in_a_hundred(session: Session) -> None:
    images = add(session, range(4000))
    for image in images:
        count_maps(session, [image])

    counts = Counter(splits(session).values())

    # Three standard deviations of a binomial: 57 and 41.
    assert abs(counts["train"] - 3600) < 57
    assert abs(counts["validation"] - 200) < 42
    assert abs(counts["test"] - 200) < 42


def test_photographs_are_numbered_within_their_class_by_their_first_map(session: Session) -> None:
    images = add(session, range(3)) + add(session, range(3, 5), class_index=1)
    for nth in (2, 2, 4, 0, 2, 3):
        count_maps(session, [images[nth]])

    numbers = dict(session.execute(select(Image.id, Image.nth_mapped)).all())

    assert [numbers[image] for image in images] == [2, None, 1, 2, 1]
    assert session.scalars(
        select(Category.mapped).where(Category.class_index < 2).order_by(Category.class_index)
    ).all() == [2, 2]
