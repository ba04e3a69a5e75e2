"""The home's folder and its secret."""

import stat
from pathlib import Path

import pytest

from clickme.kit.home import open_home, secret_key
from clickme.kit.problems import Problem


def test_a_home_below_a_file_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem) as problem:
        open_home(tmp_path / "file" / "home")
    assert problem.value.code == "home_not_writable"
    assert "--home" in problem.value.message


def test_the_secret_is_made_once_and_is_the_owners_alone(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    secret = secret_key(home)
    assert len(secret) > 40
    assert secret_key(home) == secret
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir() if "secret" in file.name] == ["secret"]


def test_an_empty_secret_signs_nothing(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    (tmp_path / "secret").write_text("")
    with pytest.raises(Problem) as problem:
        secret_key(home)
    assert problem.value.code == "bad_secret"
