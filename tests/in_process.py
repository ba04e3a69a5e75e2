"""The command line in the process of the tests, where PyTorch is loaded already."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from unittest.mock import patch

import pytest

from clickme.cli import main

Done = CompletedProcess[str]


def clickme(*arguments: object) -> Done:
    """What a command says, and its status."""
    typed = ["clickme", *map(str, arguments)]
    with (
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
        patch.object(sys, "argv", typed),
        pytest.raises(SystemExit) as left,
    ):
        main()
        sys.exit(0)
    assert isinstance(left.value.code, int)
    return Done(typed, left.value.code, out.getvalue(), err.getvalue())
