"""A file is whole or absent."""

from pathlib import Path

import pytest

from clickme.kit.files import whole


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    place = tmp_path / "new" / "file"

    with whole(place) as partial:
        partial.write_bytes(b"all of it")
        assert not place.exists()

    assert [found.name for found in place.parent.iterdir()] == ["file"]
    assert place.read_bytes() == b"all of it"


@pytest.mark.parametrize("failure", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path: Path, failure: type[BaseException]) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"before")

    with pytest.raises(failure), whole(place) as partial:
        partial.write_bytes(b"half")
        raise failure

    assert [found.name for found in tmp_path.iterdir()] == ["file"]
    assert place.read_bytes() == b"before"
