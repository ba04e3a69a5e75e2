"""The 1,000 classes: their order, their words, their synonyms."""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from clickme.catalogue.categories import all_categories, by_wnid, synonyms
from clickme.catalogue.models import Category
from clickme.catalogue.service import seed_categories


def test_numbers_wnids_and_words_are_the_challenges(shared_data: Path) -> None:
    mapping = (shared_data / "ilsvrc-sample" / "LOC_synset_mapping.txt").read_text().splitlines()
    assert [f"{label.wnid} {label.words}" for label in all_categories()] == mapping


def test_classes_are_numbered_in_the_order_of_their_wnids() -> None:
    # ILSVRC12 numbers its classes as it sorts their ids.
    assert [label.class_index for label in all_categories()] == list(range(1000))
    wnids = [label.wnid for label in all_categories()]
    assert wnids == sorted(wnids)
    assert len(by_wnid()) == 1000


def test_what_is_shown_tells_every_class_from_every_other() -> None:
    shown = Counter(label.shown.casefold() for label in all_categories())
    assert shown.most_common(1)[0][1] == 1


def test_what_is_shown_begins_with_a_word_of_the_class() -> None:
    for label in all_categories():
        assert label.shown.partition(" (")[0] in label.words.split(", ")


def test_what_is_shown_is_the_first_word_unless_a_reason_is_given() -> None:
    for label in all_categories():
        assert (label.shown == label.words.split(", ")[0]) == (label.reason == ""), label


@pytest.mark.parametrize(
    ("wnid", "shown"),
    [
        ("n01440764", "tench"),
        ("n02012849", "crane (the bird)"),
        ("n03126707", "crane (the machine)"),
        ("n02113186", "Cardigan Welsh corgi"),
        ("n02963159", "cardigan (the garment)"),
        ("n02134084", "polar bear"),
        ("n02497673", "ring-tailed lemur"),
    ],
)
def test_words_that_could_be_taken_for_something_else(wnid: str, shown: str) -> None:
    assert by_wnid()[wnid].shown == shown


def test_synonyms_count_as_each_other_and_homonyms_do_not() -> None:
    assert synonyms(638) == synonyms(639) == {638, 639}
    assert synonyms(836) == synonyms(837) == {836, 837}
    assert synonyms(657) == synonyms(744) == {657, 744}
    assert synonyms(134) == {134}
    assert synonyms(517) == {517}
    assert sum(len(synonyms(i)) - 1 for i in range(1000)) == 6


def test_seeding_mends_words_and_adds_nothing_twice(session: Session) -> None:
    session.execute(update(Category).where(Category.class_index == 134).values(shown="crane"))
    seed_categories(session)
    rows = session.execute(
        select(Category.class_index, Category.wnid, Category.words, Category.shown).order_by(
            Category.class_index
        )
    ).all()
    assert [tuple(row) for row in rows] == [label[:4] for label in all_categories()]
