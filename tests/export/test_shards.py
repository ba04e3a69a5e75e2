"""How a stream of photographs is cut into files, and that files come whole or not at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickme.export.files import files_together, refuse_unless_empty
from clickme.export.painted import Painted
from clickme.export.service import in_shards
from clickme.kit.problems import Problem


@given(st.fixed_dictionaries({split: st.integers(0, 3000) for split in ("train", "validation", "test")}))
def test_shards_hold_1024_photographs_and_lose_none(totals: dict[str, int]) -> None:
    stream = [
        Painted(split, f"{split} {number}", "", 0, "", [])
        for split, total in totals.items()
        for number in range(total)
    ]

    shards = [(name, list(members)) for name, members in in_shards(iter(stream), totals)]

    assert [photograph for _, members in shards for photograph in members] == stream
    expected = []
    for split, total in totals.items():
        full, rest = divmod(total, 1024)
        sizes = [1024] * full + [rest] * (rest > 0)
        for number, size in enumerate(sizes):
            expected.append((f"clickme-{split}.tfrecord-{number:05}-of-{len(sizes):05}", size))
    assert [(name, len(members)) for name, members in shards] == expected


def test_files_get_their_names_together(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "new one"
    with files_together(folder) as new_file:
        for name in ("one", "two"):
            with new_file(name) as file:
                file.write(name.encode())
        assert not any((folder / name).exists() for name in ("one", "two"))

    assert {place.name: place.read_bytes() for place in folder.iterdir()} == {"one": b"one", "two": b"two"}


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_no_file(tmp_path: Path, failure: type[BaseException]) -> None:
    with pytest.raises(failure), files_together(tmp_path) as new_file:
        with new_file("whole") as file:
            file.write(b"all of it")
        with new_file("half") as file:
            file.write(b"some of")
            raise failure

    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_all_be_named_all_go(tmp_path: Path) -> None:
    with pytest.raises(Problem) as raised, files_together(tmp_path) as new_file:
        for name in ("one", "two"):
            with new_file(name) as file:
                file.write(b"whole")
        (tmp_path / "two").mkdir()

    assert raised.value.code == "cannot_write"
    assert [place.name for place in tmp_path.iterdir()] == ["two"]


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Problem) as raised, files_together(tmp_path / "file" / "folder"):
        pass

    assert raised.value.code == "cannot_write"


def test_what_another_export_is_writing_is_left_alone(tmp_path: Path) -> None:
    with files_together(tmp_path) as new_file, new_file("shard") as file:
        file.write(b"first")
        with pytest.raises(Problem) as raised, files_together(tmp_path) as other, other("shard"):
            pass

    assert raised.value.code == "cannot_write"
    assert (tmp_path / "shard").read_bytes() == b"first"


def test_only_a_new_or_an_empty_folder_will_do(tmp_path: Path) -> None:
    refuse_unless_empty(tmp_path)
    refuse_unless_empty(tmp_path / "new")
    (tmp_path / "notes.txt").touch()

    with pytest.raises(Problem, match=r"notes\.txt") as not_empty:
        refuse_unless_empty(tmp_path)
    with pytest.raises(Problem) as not_a_folder:
        refuse_unless_empty(tmp_path / "notes.txt")

    assert not_empty.value.code == "folder_not_empty"
    assert not_a_folder.value.code == "cannot_write"
