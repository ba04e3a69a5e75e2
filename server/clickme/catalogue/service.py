"""What can be done with the catalogue. Nothing here commits."""

import hashlib
import os
import secrets
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

from sqlalchemy import SQLColumnExpression, case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clickme.catalogue.categories import all_categories
from clickme.catalogue.demo import demo_photographs
from clickme.catalogue.folder import Source
from clickme.catalogue.models import Category, Image
from clickme.catalogue.prepare import LeftOut, Reason, prepare, readable
from clickme.catalogue.store import keep
from clickme.settings import Limits


def seed_categories(session: Session) -> None:
    """Write the 1,000 categories, or bring their words up to this version's."""
    columns = ("class_index", "wnid", "words", "shown")
    statement = insert(Category).values(
        [{column: getattr(label, column) for column in columns} for label in all_categories()]
    )
    new = statement.excluded
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Category.class_index],
            set_={"words": new.words, "shown": new.shown},
            where=(Category.words != new.words) | (Category.shown != new.shown),
        )
    )


@dataclass
class Tally:
    """What became of the photographs that were to be added."""

    added: int = 0
    there: int = 0  # already: the file's hash is known, or that of what it is prepared to
    left_out: list[tuple[Source, LeftOut]] = field(default_factory=list)

    def __iadd__(self, other: Self) -> Self:
        self.added += other.added
        self.there += other.there
        self.left_out += other.left_out
        return self

    def __len__(self) -> int:
        return self.added + self.there + len(self.left_out)

    def count(self, reason: Reason) -> int:
        return sum(left_out.reason == reason for _, left_out in self.left_out)


def add_photographs(session: Session, photographs: Path, sources: Sequence[Source], limits: Limits) -> Tally:
    """Prepare these photographs, keep them under the folder `photographs`, then enter them in the catalogue.

    What is already there, by the hash of its file, is not even decoded. Files come before rows: should the
    transaction fail, a file without a row harms nobody, and the next run writes it again. Meant for some
    hundred photographs at a time. One that cannot be used is tallied and the others go on.

    Raises Problem `not_writable`.
    """
    tally = Tally()
    # Threads suffice: Pillow and hashlib let go of the interpreter while they work.
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as threads:
        # Pillow grumbles about odd metadata in photographs that it reads well.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        hashes = list(threads.map(_source_sha256, sources))
        new = _not_yet_there(session, sources, hashes, tally)
        kept = list(threads.map(partial(_prepare_and_keep, photographs, limits), new.values()))
    rows = []
    for (source_sha256, source), sha256 in zip(new.items(), kept, strict=True):
        if isinstance(sha256, LeftOut):
            tally.left_out.append((source, sha256))
        else:
            rows.append(_row(source, source_sha256, sha256))
    if rows:
        # Two sources may be prepared to the same bytes, and another process may be adding the same ones.
        statement = insert(Image).on_conflict_do_nothing().returning(Image.id)
        tally.added = len(session.scalars(statement, rows).all())
        tally.there += len(rows) - tally.added
    return tally


def _source_sha256(source: Source) -> str | LeftOut:
    try:
        with readable(), source.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except LeftOut as left_out:
        return left_out


def _not_yet_there(
    session: Session, sources: Sequence[Source], hashes: Sequence[str | LeftOut], tally: Tally
) -> dict[str, Source]:
    """The sources that are new, by hash; the others are tallied."""
    found = [sha256 for sha256 in hashes if isinstance(sha256, str)]
    known = set(session.scalars(select(Image.source_sha256).where(Image.source_sha256.in_(found))))
    new: dict[str, Source] = {}
    for source, sha256 in zip(sources, hashes, strict=True):
        if isinstance(sha256, LeftOut):
            tally.left_out.append((source, sha256))
        elif sha256 in known or sha256 in new:
            tally.there += 1
        else:
            new[sha256] = source
    return new


def _prepare_and_keep(photographs: Path, limits: Limits, source: Source) -> str | LeftOut:
    try:
        return keep(photographs, prepare(source.path, limits))
    except LeftOut as left_out:
        return left_out


def _row(source: Source, source_sha256: str, sha256: str) -> dict[str, Any]:
    return {
        "class_index": source.class_index,
        "sha256": sha256,
        "source_sha256": source_sha256,
        "source_path": source.name,
        "licence": source.licence,
        "author": source.author,
        "source": source.source,
        "lot": secrets.randbits(63),  # promise 6: nobody foresees the order of dealing
    }


def add_demo(session: Session, photographs: Path, limits: Limits) -> Tally:
    """Add the bundled photographs, with their credits."""
    return add_photographs(session, photographs, demo_photographs(), limits)


def image_id() -> SQLColumnExpression[str]:
    """What a photograph is called outside: the path it came from; where several came by one path, with the
    beginning of its hash."""
    shared = select(Image.source_path).group_by(Image.source_path).having(func.count() > 1)
    return case(
        (
            Image.source_path.in_(shared.correlate(None)),
            Image.source_path + "#" + func.substr(Image.sha256, 1, 8),
        ),
        else_=Image.source_path,
    )


class Credit(NamedTuple):
    """Whose photograph it is."""

    category: str
    author: str | None
    licence: str | None
    source: str | None

    @property
    def is_link(self) -> bool:
        return (self.source or "").startswith(("https://", "http://"))


def credits(session: Session) -> list[Credit]:  # noqa: A001 -- the page's own word
    """The credits of all photographs that came with some, by category."""
    statement = (
        select(Category.shown, Image.author, Image.licence, Image.source)
        .join(Category, Category.class_index == Image.class_index)
        .where(Image.licence.is_not(None))
        .order_by(Category.shown, Image.id)
    )
    return [Credit(*row) for row in session.execute(statement)]
