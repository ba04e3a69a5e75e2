"""The partners of a home: laws of their card, whatever is done in whatever order, by however many at once."""

import hashlib
import json
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from clickme_partner.errors import PartnerError
from clickme_partner.registry import (
    Installed,
    Judgement,
    Made,
    Measured,
    installed,
    keep,
    keep_form,
    measured,
    partners,
    plain,
    use,
)

FOUND = Judgement(
    views=160,
    first_equal_whole=0.925,
    first_equal_bubbled=0.8625,
    in_top5=1.0,
    rounds=30,
    recognised_plain=19,
    recognised_form=18,
    views_per_s_plain=27.4,
    views_per_s_form=89.1,
    batch=8,
    provider="CPUExecutionProvider",
    onnxruntime="1.32.0",
)


def written(folder: Path, content: bytes) -> Path:
    """A new file to be kept: what is in it does not matter here."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".new-", delete=False) as file:
        file.write(content)
    return Path(file.name)


def put(folder: Path, name: str, content: bytes) -> Installed:
    return keep(folder, written(folder, content), name=name, source=f"made of {name}", licence="MIT")


def put_form(folder: Path, form: Made, of: Installed, content: bytes) -> Installed:
    return keep_form(folder, written(folder, content), form, of, FOUND)


def code(error: pytest.ExceptionInfo[PartnerError]) -> str:
    return error.value.code


class Registry(RuleBasedStateMachine):
    """Anything in any order, beside a book of what should have come of it."""

    names = st.sampled_from(["resnet50", "resnet18", "own", "own-int8"])
    contents = st.integers(0, 9).map(lambda number: b"network %d" % number)

    def __init__(self) -> None:
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name, "partner")
        self.folder.mkdir()
        self.notes = self.folder / "resnet50-0123456789ab.onnx"  # a person's own, under such a name
        self.notes.write_text("mine")
        self.book: dict[str, Installed] = {}
        self.in_use: str | None = None

    def teardown(self) -> None:
        self.temporary.cleanup()

    def forget(self, name: str) -> None:
        """What had that name, and the forms that were made of it."""
        former = self.book.pop(name, None)
        if former:
            self.book = {n: partner for n, partner in self.book.items() if partner.of != former.sha256}

    def enter(self, partner: Installed) -> None:
        self.forget(partner.name)
        self.book[partner.name] = partner
        self.in_use = partner.name

    @rule(name=names, content=contents)
    def install(self, name: str, content: bytes) -> None:
        partner = put(self.folder, name, content)
        assert partner.sha256 == hashlib.sha256(content).hexdigest()
        assert (partner.name, partner.form, partner.of, partner.measured) == (name, "fp32", None, None)
        self.enter(partner)

    @precondition(lambda self: self.book)
    @rule(data=st.data(), form=st.sampled_from(["int8", "fp16"]), content=contents)
    def optimise(self, data: st.DataObject, form: Made, content: bytes) -> None:
        plains = [partner for partner in self.book.values() if partner.form == "fp32"]
        of = data.draw(st.sampled_from(sorted(plains, key=lambda partner: partner.name)))
        partner = put_form(self.folder, form, of, b"small " + content)
        assert (partner.name, partner.form, partner.of) == (f"{of.name}-{form}", form, of.sha256)
        assert (partner.source, partner.licence, partner.judgement) == (of.source, of.licence, FOUND)
        self.enter(partner)

    @precondition(lambda self: self.book)
    @rule(data=st.data())
    def choose(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.book)))
        assert use(self.folder, name) == self.book[name]
        self.in_use = name

    @precondition(lambda self: self.book)
    @rule(data=st.data(), top1=st.integers(0, 31))
    def measure(self, data: st.DataObject, top1: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.book)))
        found = Measured(31, top1, 31)
        self.book[name] = measured(self.folder, self.book[name], found)
        assert self.book[name].measured == found

    @rule(name=st.sampled_from(["nobody", "resnet50 "]))
    def ask_for_nobody(self, name: str) -> None:
        with pytest.raises(PartnerError) as error:
            use(self.folder, name)
        assert code(error) == "unknown_partner"
        assert all(name in error.value.message for name in self.book)

    @invariant()
    def the_card_says_what_was_done(self) -> None:
        assert partners(self.folder) == list(self.book.values())
        used = self.book[self.in_use] if self.in_use else None
        assert installed(self.folder) == used
        behind = plain(self.folder)
        assert (behind is None) == (used is None)
        if behind and used:
            assert behind.form == "fp32"
            assert behind.sha256 == (used.of or used.sha256)

    @invariant()
    def no_file_is_left_but_the_person_s(self) -> None:
        files = {path.name for path in self.folder.iterdir()} - {"partner.json", ".lock"}
        assert files == {partner.path.name for partner in self.book.values()} | {self.notes.name}
        assert self.notes.read_text() == "mine"


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(max_examples=25, stateful_step_count=20)


def test_an_empty_home_has_no_partner(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert partners(folder) == []
        assert installed(folder) is None
        assert plain(folder) is None
    with pytest.raises(PartnerError, match="clickme partner install") as error:
        use(tmp_path, "resnet50")
    assert code(error) == "unknown_partner"


def test_a_partner_is_called_by_its_name_and_hash(tmp_path: Path) -> None:
    partner = put(tmp_path, "own", b"weights")
    assert partner.version == f"own@{hashlib.sha256(b'weights').hexdigest()}"


def test_the_card_of_a_home_with_one_partner_is_read_as_a_registry_of_one(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"weights").hexdigest()
    file = tmp_path / f"resnet50-{digest[:12]}.onnx"
    file.write_bytes(b"weights")
    card = {"name": "resnet50", "file": file.name, "sha256": digest, "source": "npm", "licence": "MIT"}
    (tmp_path / "partner.json").write_text(json.dumps(card, indent=2))
    old = Installed("resnet50", file, digest, "npm", "MIT")
    assert installed(tmp_path) == plain(tmp_path) == old
    assert partners(tmp_path) == [old]
    known = measured(tmp_path, old, Measured(31, 28, 30))
    form = put_form(tmp_path, "int8", old, b"small")
    assert partners(tmp_path) == [known, form]
    assert use(tmp_path, "resnet50") == known
    put(tmp_path, "resnet50", b"others")
    assert not file.exists()


GOOD = {"name": "own", "path": "own.onnx", "sha256": "0" * 64, "source": "", "licence": "", "form": "fp32"}


@pytest.mark.parametrize(
    "card",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"name": 1, "file": 2}',
        '{"in_use": "own", "partners": []}',
        json.dumps({"in_use": "other", "partners": [GOOD]}),
        json.dumps({"in_use": "own", "partners": [GOOD, GOOD]}),
        json.dumps({"in_use": "own", "partners": [GOOD | {"path": "../own.onnx"}]}),
        json.dumps({"in_use": "own", "partners": [GOOD | {"path": ""}]}),
        json.dumps({"in_use": "own", "partners": [GOOD | {"form": "int4"}]}),
        json.dumps({"in_use": "own", "partners": [GOOD | {"form": "int8", "of": "1" * 64}]}),
        json.dumps({"in_use": "own", "partners": [GOOD | {"form": "int8"}]}),
        json.dumps({"in_use": "own", "partners": [GOOD | {"measured": {"top1": 3}}]}),
    ],
)
def test_a_damaged_card_says_what_to_type_and_installing_puts_it_right(tmp_path: Path, card: str) -> None:
    (tmp_path / "partner.json").write_text(card)
    own = Installed("own", tmp_path / "own.onnx", "0" * 64, "", "")
    asks: list[Callable[[], object]] = [
        lambda: partners(tmp_path),
        lambda: installed(tmp_path),
        lambda: plain(tmp_path),
        lambda: use(tmp_path, "own"),
        lambda: measured(tmp_path, own, Measured(1, 1, 1)),
        lambda: put_form(tmp_path, "int8", own, b"small"),
    ]
    for ask in asks:
        with pytest.raises(PartnerError, match="`clickme partner install`") as error:
            ask()
        assert code(error) == "corrupt_model"
        assert (tmp_path / "partner.json").read_text() == card
    assert put(tmp_path, "own", b"weights") == installed(tmp_path)


def test_a_damaged_partner_is_not_played_with_and_another_is(tmp_path: Path) -> None:
    sound = put(tmp_path, "sound", b"weights")
    damaged = put(tmp_path, "damaged", b"other weights")
    damaged.path.write_bytes(b"other weightz")
    asks: list[Callable[[], object]] = [
        lambda: installed(tmp_path),
        lambda: plain(tmp_path),
        lambda: use(tmp_path, "damaged"),
    ]
    for ask in asks:
        with pytest.raises(PartnerError, match="`clickme partner install`") as error:
            ask()
        assert code(error) == "corrupt_model"
    assert partners(tmp_path) == [sound, damaged]
    assert use(tmp_path, "sound") == installed(tmp_path) == sound


def test_what_was_replaced_meanwhile_gets_no_figures_and_no_form(tmp_path: Path) -> None:
    old = put(tmp_path, "own", b"old")
    new = put(tmp_path, "own", b"new")
    with pytest.raises(PartnerError) as error:
        measured(tmp_path, old, Measured(31, 31, 31))
    assert code(error) == "unknown_partner"
    with pytest.raises(PartnerError) as error:
        put_form(tmp_path, "int8", old, b"small")
    assert code(error) == "unknown_partner"
    assert partners(tmp_path) == [new]


@contextmanager
def full_disk() -> Iterator[None]:
    """Files can be moved, and not a byte written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_everything_stays_as_it_was(tmp_path: Path) -> None:
    first = put(tmp_path, "own", b"weights")
    form = put_form(tmp_path, "int8", first, b"small")
    before = {path.name for path in tmp_path.iterdir()}
    for name in ("own", "other"):
        file = written(tmp_path, b"new")
        with pytest.raises(PartnerError) as error, full_disk():
            keep(tmp_path, file, name=name, source="", licence="")
        assert code(error) == "cannot_write"
    with pytest.raises(PartnerError) as error, full_disk():
        use(tmp_path, "own")
    assert code(error) == "cannot_write"
    assert partners(tmp_path) == [first, form]
    assert installed(tmp_path) == form
    assert {path.name for path in tmp_path.iterdir()} - {".partner.json"} == before


KEEPS = """
import sys
from pathlib import Path
from clickme_partner.registry import keep
folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    file = folder / f".new-{name}-{number}"
    file.write_bytes(f"{name} {number}".encode() * 1000)
    keep(folder, file, name=f"{name}{number % 5}", source="", licence="")
    print(number, flush=True)
"""


def keeping(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    """A process that keeps so many partners under five names in turn, and says each time when it has."""
    command = [sys.executable, "-c", KEEPS, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_commands_at_once_lose_nothing(tmp_path: Path) -> None:
    processes = [keeping(tmp_path, name, 20) for name in ("this", "that")]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    kept = partners(tmp_path)
    assert {p.name for p in kept} == {f"{name}{n}" for name in ("this", "that") for n in range(5)}
    for partner in kept:
        name, number = partner.name[:-1], int(partner.name[-1])
        assert partner.path.read_bytes() == f"{name} {15 + number}".encode() * 1000
        assert use(tmp_path, partner.name) == partner
    files = {path.name for path in tmp_path.iterdir()} - {"partner.json", ".lock"}
    assert files == {partner.path.name for partner in kept}


def test_whoever_reads_while_others_write_always_finds_a_whole_partner(tmp_path: Path) -> None:
    put(tmp_path, "own", b"first")

    def write(writer: int) -> None:
        for number in range(50):
            put(tmp_path, "own", b"%d %d" % (writer, number))

    with ThreadPoolExecutor(2) as threads:
        writers = [threads.submit(write, writer) for writer in range(2)]
        while not all(writer.done() for writer in writers):
            partner = installed(tmp_path)
            assert partner is not None
            assert len(partners(tmp_path)) == 1
        for writer in writers:
            writer.result()


@pytest.mark.parametrize("after", [0, 1, 4, 7])
def test_a_killed_command_leaves_a_whole_registry_and_no_lock(tmp_path: Path, after: int) -> None:
    process = keeping(tmp_path, "own", 1_000_000)
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(after + 1)]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert said[-1] == f"{after}\n"
    found = installed(tmp_path)
    assert found is not None
    known = partners(tmp_path)
    assert len(known) >= min(5, after + 1)
    assert put(tmp_path, "after", b"it") == installed(tmp_path)
    assert partners(tmp_path)[:-1] == known
