"""Exports: from the database and the photographs' files to a data set that says how it came to be.

    database ─► plan ─► a task for each shard, done by whoever there is ─► files beside them ─► published

Until the last step everything lies in a hidden folder (workspace.py). A task that is done is not done again.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import psycopg2
from sqlalchemy.exc import OperationalError

from clickme.export.beside import beside
from clickme.export.executors import executor
from clickme.export.facts import Facts
from clickme.export.options import Options
from clickme.export.painted import begin_snapshot, stream_painted
from clickme.export.plan import Plan, Sample, make_plan
from clickme.export.selection import Selection
from clickme.export.strokes import to_line
from clickme.export.work import Worker, measure_lines
from clickme.export.workspace import (
    Workspace,
    clear,
    forget_finished,
    held,
    publish,
    refuse_others,
    writing,
)
from clickme.kit.files import settle, whole
from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.maps import reliability as agreement
from clickme.maps.reliability import PHOTOGRAPHS, Reliability, summarise


class Progress(Protocol):
    """Hears how far an export is, in photographs."""

    def reading(self, done: int) -> None:
        """That many have been read out of the database."""

    def writing(self, done: int, total: int) -> None:
        """That many are in finished shards."""


def export(
    house: House, out: Path, options: Options, progress: Progress, *, dask: str | None = None
) -> Facts:
    """Write a data set to `out`, a new or an empty folder, or one where the same export was interrupted.

    `dask` is the address of a cluster's scheduler; without one, processes of this machine do the work. Memory
    does not grow with the database, and the same database and options give the same bytes.

    Problem `folder_not_empty`, `other_export`, `export_runs`, `cannot_write`, `nothing_to_export`,
    `photograph_missing`, `photograph_damaged`, `dask_missing`, `dask_unreachable`, `dask_worker`,
    `worker_died`: what is finished is kept, and the same command goes on from there.
    """
    workspace = Workspace(out.absolute())
    was_there = workspace.out.exists()
    if not workspace.plan.exists():
        forget_finished(workspace)
        refuse_others(workspace, set())
    with held(workspace):
        try:
            plan = open_plan(house, workspace, options, progress)
            worker = Worker(workspace, house.home.photographs, options)
            facts = done_by(worker, plan, dask, progress)
            finish(workspace, facts)
        except Problem as problem:
            if problem.code == "nothing_to_export":
                clear(workspace)
                if not was_there:
                    workspace.out.rmdir()
            raise
    return facts


def open_plan(house: House, workspace: Workspace, options: Options, progress: Progress) -> Plan:
    """The plan of the export that was interrupted here, or a new one."""
    if not workspace.plan.exists():
        with writing(workspace.out), answering(), house.database.transaction() as session:
            return make_plan(session, workspace, options, version("clickme"), progress.reading)
    plan = Plan.load(workspace)
    written = version("clickme")
    if plan.options != options.as_dict() or plan.facts["version"] != written:
        raise Problem(
            "other_export",
            f"{workspace.out} holds an unfinished export with other options, or by clickme "
            f"{plan.facts['version']} (this is {written}). Finish it with those, name another folder, or "
            f"remove {workspace.hidden}.",
        )
    return plan


@contextmanager
def answering() -> Iterator[None]:
    """Say in a sentence that the database has gone."""
    try:
        yield
    except (psycopg2.OperationalError, OperationalError) as error:
        raise Problem(
            "database_lost",
            f"The database went away while it was read: {str(error).strip()}. When it is back, run the same "
            "command again.",
        ) from None


def done_by(worker: Worker, plan: Plan, dask: str | None, progress: Progress) -> Facts:
    """Have all tasks done, and say what came of them."""
    total = sum(shard.photographs for shard in plan.shards)
    folders = (worker.workspace.hidden, worker.photographs)
    progress.writing(0, total)
    with executor(dask, total, folders) as workers, sentences():
        shards = [workers.submit(worker.build_shard, planned) for planned in plan.shards]
        pairs = [workers.submit(worker.measure_chunk, chunk) for chunk in plan.chunks]
        done = 0
        for shard in as_completed(shards):
            done += shard.result().photographs
            progress.writing(done, total)
        reliability = summarise([chunk.result() for chunk in pairs]) if pairs else None
        return Facts(**plan.known(), shards=[shard.result() for shard in shards], reliability=reliability)


@contextmanager
def sentences() -> Iterator[None]:
    """Say in a sentence what workers died of."""
    try:
        yield
    except Problem:
        raise
    except BrokenProcessPool:
        raise died("A process that was making maps was killed, perhaps for want of memory.") from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "distributed":
            raise
        raise died(f"The Dask cluster did not finish the work: {error}") from None


def died(what: str) -> Problem:
    return Problem("worker_died", f"{what} What was finished is kept; the same command goes on from there.")


def finish(workspace: Workspace, facts: Facts) -> None:
    """Write what lies beside the shards, and give everything its place."""
    with writing(workspace.out):
        others = beside(facts)
        refuse_others(workspace, {shard.name for shard in facts.shards} | others.keys())
        for name, content in others.items():
            with whole(workspace.built(name)) as partial:
                partial.write_bytes(content)
        for name in (*(shard.name for shard in facts.shards), *others):
            publish(workspace, name)
        settle(workspace.out)
        clear(workspace)


def reliability(
    house: House, selection: Selection, seed: int, progress: Callable[[int, int], None]
) -> Reliability:
    """How far players agree, measured as in the paper and as in ClickMe 2 (clickme.maps.reliability).

    `progress` hears (done, all) photographs. Problem `nothing_to_compare` if no photograph has two players.
    """
    sample = Sample(PHOTOGRAPHS, seed)
    with answering(), house.database.transaction() as session:
        begin_snapshot(session)
        for photograph in stream_painted(session, selection):
            if len(photograph.strokes) > 1:
                sample.offer(to_line(photograph))
    chunks = agreement.plan(len(sample.kept), seed)
    if not chunks:
        raise Problem(
            "nothing_to_compare", "No photograph has been painted by two players: nothing to compare."
        )
    with executor(None, len(sample.kept), ()) as workers, sentences():
        measured = [workers.submit(measure_lines, sample.lines(chunk), seed, chunk) for chunk in chunks]
        done = 0
        for chunk, correlations in zip(chunks, measured, strict=True):
            correlations.result()
            done += len(chunk.photographs)
            progress(done, len(sample.kept))
        return summarise([correlations.result() for correlations in measured])
