"""A COCO folder of a few photographs, with rectangles for objects."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def rectangle(x: int, y: int, width: int, height: int, **others: Any) -> dict[str, Any]:
    """An annotation: the outline of a rectangle, in px."""
    corners = [x, y, x + width, y, x + width, y + height, x, y + height]
    return {"segmentation": [corners], "iscrowd": 0, "category_id": 1} | others


def coco(
    folder: Path, photographs: list[tuple[tuple[int, int], list[dict[str, Any]]]], split: str = "val2017"
) -> Path:
    """A COCO folder of photographs of (width, height) px, each with annotations."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    (folder / split).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    for number, ((width, height), instances) in enumerate(photographs):
        name = f"{number:012}.jpg"
        pixels = np.tile(np.arange(width) * 255 // width, (height, 1)).astype(
            np.uint8
        )  # brighter to the right
        Image.fromarray(pixels).convert("RGB").save(folder / split / name, quality=95)
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for instance in instances:
            annotations.append({"id": len(annotations) + 1, "image_id": number} | instance)
    place = folder / "annotations" / f"instances_{split}.json"
    place.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1}]}))
    return folder
