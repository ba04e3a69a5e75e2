"""Who does the work: this process, processes of this machine, or a Dask cluster, through one interface."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from clickme.kit.problems import Problem

FEW = 200  # photographs: fewer are done in the time that starting a process takes
PATIENCE = 10.0  # s, for a scheduler to answer


@contextmanager
def executor(dask: str | None, photographs: int, folders: tuple[Path, ...]) -> Iterator[Executor]:
    """The cluster at the address `dask` if there is one; else as many processes as there are processors here.

    `folders` are those that every worker must reach. Problem `dask_missing`, `dask_unreachable`,
    `dask_worker`.
    """
    if dask is not None:
        with _cluster(dask, folders) as cluster:
            yield cluster
    elif photographs < FEW:
        with Here() as here:
            yield here
    else:
        with _processes() as pool:
            yield pool


class Here(Executor):
    """Does at once what it is given, in this process."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # as any executor keeps it, for whoever asks for the result
            done.set_exception(error)
        return done


# What is read when a process starts. One thread each: a library that takes every core for every worker makes
# them wait for each other. And glibc keeps the half megabyte of a map that is done with for the next one,
# where it would give it back to the system and have every page of the next one zeroed: a fifth of the time.
FOR_WORKERS = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_TOP_PAD_": str(2**24),
}


@contextmanager
def _processes() -> Iterator[Executor]:
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with _environment(FOR_WORKERS):
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_begin)
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set these for processes that start meanwhile, and put back what was there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin() -> None:
    """Leave Ctrl-C to the parent, and never outlive it: a killed one cannot say goodbye."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_leave_with, args=(parent.sentinel,), daemon=True).start()


def _leave_with(parent: int) -> None:
    wait([parent])
    os._exit(1)


@contextmanager
def _cluster(address: str, folders: tuple[Path, ...]) -> Iterator[Executor]:
    try:
        import distributed
    except ImportError:
        raise Problem("dask_missing", "--dask needs Dask: pip install 'clickme[dask]'") from None
    try:
        asyncio.run(_knock(address))
        open_client: Any = distributed.Client  # it has no types
        client = open_client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise Problem(
            "dask_unreachable",
            f"No Dask scheduler answers at {address} ({error or type(error).__name__}). Is it running, and "
            "is the address right? What was finished is kept; the same command goes on from there.",
        ) from None
    with client:
        workers = client.run(_unreachable, folders, on_error="return")
        if not workers:
            raise Problem("dask_worker", f"The Dask scheduler at {address} has no workers. Start some.")
        for worker, trouble in workers.items():
            if trouble:
                raise Problem("dask_worker", f"The Dask worker {worker} cannot do this: {trouble}")
        yield client.get_executor(pure=False)


async def _knock(address: str) -> None:
    """Wait for an answer, but not for ever: a client does where something listens and never speaks."""
    from distributed.comm import core

    connect: Any = core.connect
    async with asyncio.timeout(PATIENCE):
        connection = await connect(address, timeout=PATIENCE)
        await connection.close()


def _unreachable(folders: tuple[Path, ...]) -> str | None:
    """What keeps a worker from its work."""
    for folder in folders:
        if not folder.is_dir():
            return f"it does not see the folder {folder}. Workers need the same folders as this machine."
    return None
