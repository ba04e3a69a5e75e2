"""Tables: what there is to recognise."""

from datetime import datetime

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from clickme.kit.tables import UTC_TIME, Table


class Category(Table):
    """One of the 1,000 classes of ILSVRC12, in the order that classifiers number them."""

    __tablename__ = "categories"

    class_index: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    wnid: Mapped[str] = mapped_column(unique=True)  # the WordNet 3.0 synset, e.g. n01440764
    words: Mapped[str]  # all the synset's words, as ILSVRC lists them: "tench, Tinca tinca"
    shown: Mapped[str]  # the words above the photograph: "tench"
    mapped: Mapped[int] = mapped_column(default=0, server_default=text("0"))  # photographs with a map


class Image(Table):
    """A photograph, prepared to 256x256 px and stored once, by hash."""

    __tablename__ = "images"
    __table_args__ = (
        # Dealing walks this index: fewest maps first, then a lot that nobody can foresee.
        Index("images_maps_lot_idx", "maps", "lot", postgresql_where=text("excluded_at IS NULL")),
        CheckConstraint("excluded_at IS NOT NULL OR exclusion IS NULL", name="excluded"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    class_index: Mapped[int] = mapped_column(ForeignKey("categories.class_index"), index=True)
    sha256: Mapped[str] = mapped_column(CHAR(64), unique=True)  # of the prepared JPEG, and its place on disk
    source_sha256: Mapped[str] = mapped_column(CHAR(64), unique=True)  # of the file it came from
    source_path: Mapped[str]  # in the challenge's own layout: "n01440764/n01440764_10026.JPEG"
    licence: Mapped[str | None]
    author: Mapped[str | None]
    source: Mapped[str | None]  # where it was found: an address or a collection
    maps: Mapped[int] = mapped_column(default=0)  # rounds that count towards its map
    # The how-manieth of its class to get a map, from 1, for good: splits are decided by it (export.splits).
    nth_mapped: Mapped[int | None]
    lot: Mapped[int]  # random, 63 bits
    excluded_at: Mapped[datetime | None] = mapped_column(UTC_TIME)  # no longer dealt, nor exported
    exclusion: Mapped[str | None]  # why
    added_at: Mapped[datetime] = mapped_column(UTC_TIME, server_default=func.now())
