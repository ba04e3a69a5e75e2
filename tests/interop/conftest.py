"""Exports read by the programs that people read them with. ClickMe itself is not here: it ran before."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv" / "bin" / "python"

cache = TemporaryDirectory(prefix="clickme-interop-")
# Read when the libraries are loaded. Nothing is looked up anywhere: what cannot be read offline fails.
os.environ |= {
    "HF_HOME": f"{cache.name}/hugging-face",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "CROISSANT_CACHE": f"{cache.name}/croissant",
    "NO_GCE_CHECK": "true",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def pytest_unconfigure() -> None:
    cache.cleanup()


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set in every format, made anew by the checkout's own ClickMe.

    `CLICKME_EXPORTS` names one that was made before.
    """
    if made := os.environ.get("CLICKME_EXPORTS"):
        return Path(made)
    folder = tmp_path_factory.mktemp("exports")
    subprocess.run([PYTHON, "-m", "interop.make_exports", folder], cwd=HERE.parent, check=True)
    return folder
