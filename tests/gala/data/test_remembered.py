"""Photographs kept in memory: the same batches, decoded once, and no more memory than there is room for."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clickme.export.formats import Damaged
from clickme_gala.data import Batch, Photographs, Sample, open_data
from clickme_gala.data.loader import Loader
from clickme_gala.data.remembered import Remembered
from clickme_gala.data.views import View
from gala.made import export, ilsvrc, mapping, records

VIEW = View(64, train=True)
SIDE = 73  # px: 256/224 of 64
BYTES = SIDE * SIDE * (3 + 4)  # of a photograph, and of its map in float32


class Counting:
    """Photographs that know how often each was read."""

    def __init__(self, photographs: Photographs) -> None:
        self.photographs = photographs
        self.left_out, self.unreadable = photographs.left_out, photographs.unreadable
        self.with_maps, self.classes = photographs.with_maps, photographs.classes
        self.reliability = photographs.reliability
        self.read: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self.photographs)

    def __getitem__(self, number: int) -> Sample:
        self.read[number] += 1
        return self.photographs[number]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    return open_data(export(tmp_path_factory.mktemp("data"), records("train", 10, 3)), "train")


def batches(photographs: Photographs, view: View, epochs: int = 3) -> list[Batch]:
    loader = Loader(photographs, view, batch=5, workers=0, seed=1, device=torch.device("cpu"))
    if not view.train:
        return list(loader.once())
    return [batch for epoch in range(epochs) for batch in loader.epoch(epoch)]


def assert_same(found: list[Batch], wanted: list[Batch]) -> None:
    for one, other in zip(found, wanted, strict=True):
        for name in ("images", "maps", "has_map", "labels"):
            assert torch.equal(getattr(one, name), getattr(other, name)), name
        assert one.left_out == other.left_out


@pytest.mark.parametrize("view", [View(64, train=True), View(64, train=False), View(224, train=True)])
@pytest.mark.parametrize("room", [0, 4 * BYTES, 2**30])
def test_batches_are_the_same_with_it_and_without(photographs: Photographs, view: View, room: int) -> None:
    remembered = Remembered(photographs, view.scaled, room)
    assert_same(batches(remembered, view), batches(photographs, view))


def test_each_photograph_is_decoded_once(photographs: Photographs) -> None:
    counting = Counting(photographs)
    batches(Remembered(counting, VIEW.scaled), VIEW, epochs=5)
    assert counting.read == Counter(dict.fromkeys(range(10), 1))


@settings(max_examples=30)
@given(room=st.integers(0, 12 * BYTES))
def test_there_are_as_many_in_memory_as_there_is_room_for(photographs: Photographs, room: int) -> None:
    counting = Counting(photographs)
    remembered = Remembered(counting, VIEW.scaled, room)
    for _ in range(2):
        for number in range(10):
            remembered[number]
    kept = min(room // BYTES, 10)
    assert counting.read == Counter({number: 1 if number < kept else 2 for number in range(10)})
    held = sum(one.image.nbytes + one.map.nbytes for one in remembered.kept.values() if one.map is not None)
    assert held == kept * BYTES <= room


def test_a_photograph_without_a_map_takes_less_room(tmp_path: Path) -> None:
    ilsvrc(tmp_path, {"train": [f"n01440764/{number}.JPEG" for number in range(3)]})
    mapping(tmp_path / "LOC_synset_mapping.txt")
    counting = Counting(open_data(tmp_path, "train"))
    remembered = Remembered(counting, VIEW.scaled, 2 * SIDE * SIDE * 3)
    for number in (0, 1, 2, 0, 1, 2):
        assert remembered[number].map is None
    assert counting.read == Counter({0: 1, 1: 1, 2: 2})


def test_what_cannot_be_decoded_is_named_each_time_and_not_kept(tmp_path: Path) -> None:
    ilsvrc(tmp_path, {"train": ["n01440764/0.JPEG", "n01440764/1.JPEG"]})
    mapping(tmp_path / "LOC_synset_mapping.txt")
    (tmp_path / "train" / "n01440764" / "1.JPEG").write_bytes(b"no photograph")
    remembered = Remembered(open_data(tmp_path, "train"), VIEW.scaled)
    for _ in range(2):
        with pytest.raises(Damaged, match=r"n01440764/1\.JPEG"):
            remembered[1]
    assert not remembered.kept


def test_it_says_what_the_photographs_say(photographs: Photographs) -> None:
    remembered = Remembered(photographs, VIEW.scaled)
    assert len(remembered) == len(photographs) == 10
    for name in ("left_out", "unreadable", "with_maps", "classes", "reliability"):
        assert getattr(remembered, name) == getattr(photographs, name)
