"""The tar archive, opened by tarfile and grouped as the webdataset library groups it."""

import io
import json
import re
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clickme.export.formats import Damaged
from clickme.export.formats.webdataset import WebDataset, key
from export.formats.made import image_ids, jpeg, per_player, three, without_images, written

# webdataset.tariterators.base_plus_ext: the key goes up to the first dot after the last slash.
NAME = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")


def contents(data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(member, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]


def test_the_files_of_a_record() -> None:
    files = {member.name: data for member, data in contents(written(WebDataset(), three()[:1]))}

    name = "n01440764/n01440764_3%2EJPEG"
    assert list(files) == [f"{name}.{ending}" for ending in ("jpg", "heatmap.png", "cls", "json")]
    assert files[f"{name}.jpg"] == jpeg(99)
    assert files[f"{name}.cls"] == b"0"
    with Image.open(io.BytesIO(files[f"{name}.heatmap.png"])) as opened:
        assert (opened.mode, opened.size, opened.getextrema()) == ("L", (256, 256), (0, 255))
    assert json.loads(files[f"{name}.json"]) == {
        "image_id": "n01440764/n01440764_3.JPEG",
        "wnid": "n01440764",
        "n_players": 2,
        "click_count": 6,
        "bbox": [83, 93, 112, 128],
        "heatmap_max": 0.5,
    }


def test_nothing_tells_when_or_by_whom_it_was_made() -> None:
    for member, _ in contents(written(WebDataset(), three())):
        assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
        assert member.mode == 0o644


@given(image_id=image_ids | st.text("/.", min_size=1, max_size=6), player=st.none() | st.integers(0, 99))
def test_any_path_gives_files_of_one_key_that_stay_in_their_folder(image_id: str, player: int | None) -> None:
    record = replace(three()[0], image_id=image_id, player=player, image=None)

    members = [member for member, _ in contents(written(WebDataset(), [record]))]

    matches = [NAME.match(member.name) for member in members]
    assert [match and match.groups() for match in matches] == [
        (key(record), ending) for ending in ("heatmap.png", "cls", "json")
    ]
    for member in members:
        assert member.name.isascii()
        assert "" not in member.name.split("/")
        assert tarfile.data_filter(member, "/a folder").name == member.name


@given(st.lists(st.tuples(image_ids, st.none() | st.integers(0, 9)), unique=True, max_size=10))
def test_no_two_records_share_a_key(pairs: list[tuple[str, int | None]]) -> None:
    keys = {key(replace(three()[0], image_id=image_id, player=player)) for image_id, player in pairs}

    assert len(keys) == len(pairs)


def test_a_long_path() -> None:
    long = replace(three()[0], image_id="ä" * 300 + "/b.JPEG")

    (back,) = WebDataset().read(io.BytesIO(written(WebDataset(), [long])), "train")

    assert back.image_id == long.image_id


def test_players_have_keys_of_their_own() -> None:
    members = [member.name for member, _ in contents(written(WebDataset(), per_player(three()[:1])))]

    assert {name.partition(".")[0] for name in members} == {
        "n01440764/n01440764_3%2EJPEG@0",
        "n01440764/n01440764_3%2EJPEG@1",
    }


def test_an_archive_packed_by_others_is_read() -> None:
    """In folders, with members of another order, and with keys that are not ours."""
    files = {member.name: data for member, data in contents(written(WebDataset(), three()[:1]))}
    again = io.BytesIO()
    with tarfile.open(fileobj=again, mode="w", format=tarfile.PAX_FORMAT) as archive:
        folder = tarfile.TarInfo("./all.of.them")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo("./all.of.them/1." + name.partition(".")[2])
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))

    (back,) = WebDataset().read(io.BytesIO(again.getvalue()), "train")

    assert (back.image_id, back.image) == ("n01440764/n01440764_3.JPEG", jpeg(99))
    assert back.heatmap is not None
    assert back.heatmap.max() == np.float32(0.5)


def test_a_header_that_cannot_be_read_is_not_taken_for_the_end() -> None:
    data = bytearray(written(WebDataset(), without_images(three())))
    second = data.index(b"n01440764/n01440764_1%2EJPEG.heatmap.png")
    data[second] ^= 1

    with pytest.raises(Damaged, match="neither a file nor its end"):
        list(WebDataset().read(io.BytesIO(data), "train"))


def test_a_missing_file_is_said_with_its_record() -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as whole:
        for member, content in contents(written(WebDataset(), three())):
            if member.name != "n01440764/n01440764_1%2EJPEG.cls":
                whole.addfile(member, io.BytesIO(content))

    with pytest.raises(Damaged, match=r"record 1 .*cls"):
        list(WebDataset().read(io.BytesIO(archive.getvalue()), "train"))
