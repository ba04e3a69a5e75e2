"""What people see of long work: lines on stderr, of the first process alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clickme_gala.data import Photographs
    from clickme_gala.recipe import Recipe
    from clickme_gala.runs import Epoch, State


def first() -> bool:
    """Whether this is the only process, or the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


class Bar:
    """A line on stderr: the epoch, how far it is, photographs a second, the time left; and one for each epoch
    that is over.
    """

    def __init__(self, progress: Any) -> None:
        self.progress = progress
        self.task: Any = None
        self.lost = 0

    def opened(self, train: Photographs, validation: Photographs | None) -> None:
        say = self.progress.console.print
        judged = f"{len(validation):,} to validate on" if validation else "none to validate on"
        say(
            f"{len(train):,} photographs of {train.classes:,} classes to train on, "
            f"{train.with_maps:,} with a map; {judged}"
        )
        for photographs in (train, validation):
            self._say_left_out(photographs.left_out if photographs else ())
            self.lost = 0
        if validation is None:
            say("Without validation photographs the last weights are kept, not the best.", style="yellow")

    def stepped(self, recipe: Recipe, state: State, steps: int, loss: float, per_s: float) -> None:
        if self.task is None:
            done = state.epoch * steps + state.step - 1
            self.task = self.progress.add_task("", total=recipe.epochs * steps, completed=done, say="")
        self._say_left_out(state.left_out)
        say = f"epoch {state.epoch + 1}/{recipe.epochs}  loss {loss:.3f}  {per_s:,.0f} photographs/s"
        self.progress.update(self.task, completed=state.epoch * steps + state.step, say=say)

    def finished(self, epoch: Epoch, left_out: list[str]) -> None:
        self._say_left_out(left_out)
        self.lost = 0
        judged = (
            ""
            if epoch.top1_error is None
            else (f"  validation: top-1 error {epoch.top1_error:.2f} %, top-5 {epoch.top5_error:.2f} %")
        )
        self.progress.console.print(
            f"epoch {epoch.epoch}: loss {epoch.loss:.4f} (class {epoch.class_loss:.4f}, "
            f"maps {epoch.map_loss:.4f}){judged}, {epoch.photographs_per_s:,.0f} photographs/s"
        )

    def _say_left_out(self, sentences: Sequence[str]) -> None:
        """Those that it has not said yet."""
        for sentence in sentences[self.lost :]:
            self.progress.console.print(f"left out: {sentence}", style="yellow")
        self.lost = len(sentences)


@contextmanager
def bar(name: str = "") -> Iterator[Bar]:
    """Watches a run; with its `name`, where there are several."""
    with line() as progress:
        if name:
            progress.console.print(name, style="bold")
        yield Bar(progress)


@contextmanager
def share() -> Iterator[Callable[[str, float], None]]:
    """A line on stderr that says what is being done, and how much of it is."""
    with line() as progress:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: float) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task("", total=1.0, say=what)
            progress.update(tasks[what], completed=done)

        yield tell


@contextmanager
def line() -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.fields[say]}"), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True, highlight=False, soft_wrap=True, quiet=not first())
    ) as progress:
        yield progress
