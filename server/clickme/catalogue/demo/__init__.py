"""The bundled photographs: in the public domain or CC0. catalogue.csv names their authors and sources."""

from pathlib import Path

from clickme.catalogue.categories import rows
from clickme.catalogue.folder import Source

HERE = Path(__file__).parent


def demo_photographs() -> list[Source]:
    return [
        Source(
            path=HERE / row["file"],
            class_index=int(row["class_index"]),
            name=f"{row['wnid']}/{row['file']}",
            licence=row["licence"],
            author=row["author"],
            source=row["source"],
        )
        for row in rows(HERE / "catalogue.csv")
    ]
