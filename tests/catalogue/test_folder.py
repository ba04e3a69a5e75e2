"""Which photographs a folder holds."""

from pathlib import Path

import pytest

from clickme.catalogue.categories import all_categories
from clickme.catalogue.folder import read_folder
from clickme.kit.problems import Problem

TENCH, CRANE = "n01440764", "n02012849"


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def problem(directory: Path) -> str:
    with pytest.raises(Problem) as caught:
        read_folder(directory)
    assert str(directory) in caught.value.message
    return caught.value.code


@pytest.mark.parametrize("train", ["train/", ""])
def test_the_challenges_layout_with_and_without_train(tmp_path: Path, train: str) -> None:
    put(tmp_path, f"{train}{CRANE}/b.JPEG", f"{train}{CRANE}/a.jpg", f"{train}{TENCH}/c.Png")
    folder = read_folder(tmp_path)
    assert len(folder) == 3
    assert [(source.class_index, source.name) for source in folder] == [
        (0, f"{TENCH}/c.Png"),
        (134, f"{CRANE}/a.jpg"),
        (134, f"{CRANE}/b.JPEG"),
    ]
    assert [source.path.is_file() for source in folder] == [True] * 3


def test_what_is_no_photograph_is_not_counted(tmp_path: Path) -> None:
    put(tmp_path, f"{TENCH}/a.JPEG", f"{TENCH}/a.xml", f"{TENCH}/._a.JPEG", f"{TENCH}/b.JPEG/c", "d.JPEG")
    assert [source.name for source in read_folder(tmp_path)] == [f"{TENCH}/a.JPEG"]


def test_folders_of_no_category_are_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    put(tmp_path, f"{TENCH}/a.JPEG", "n99999999/a.JPEG", "n99999999/b.JPEG", "notes/readme.txt")
    folder = read_folder(tmp_path)
    assert len(folder) == 1
    assert folder.unknown == {"n99999999": 2}


def test_nothing_there(tmp_path: Path) -> None:
    assert problem(tmp_path) == "no_photographs"
    assert problem(tmp_path / "gone") == "no_such_folder"
    put(tmp_path, "file", f"{TENCH}/notes.txt")
    assert problem(tmp_path) == "no_photographs"
    assert problem(tmp_path / "file") == "no_such_folder"


def test_a_mapping_must_number_the_classes_as_we_do(tmp_path: Path) -> None:
    put(tmp_path, f"train/{TENCH}/a.JPEG")
    lines = [f"{label.wnid} {label.words}" for label in all_categories()]
    mapping = tmp_path / "LOC_synset_mapping.txt"
    mapping.write_text("\n".join(lines) + "\n")
    assert len(read_folder(tmp_path)) == 1
    mapping.write_text("\n".join(line.split()[0] + " other words" for line in lines))
    assert len(read_folder(tmp_path)) == 1
    for wrong in (lines[::-1], lines[:10], [*lines, "n99999999 unicorn"], []):
        mapping.write_text("\n".join(wrong))
        assert problem(tmp_path) == "other_categories"
    mapping.write_bytes(b"\xff\xfe\x00 no text")
    assert problem(tmp_path) == "other_categories"


def test_the_sample_of_the_challenge(shared_data: Path) -> None:
    folder = read_folder(shared_data / "ilsvrc-sample")
    assert len(folder) == len(list((shared_data / "ilsvrc-sample").glob("train/*/*.JPEG"))) == 200
    assert not folder.unknown
