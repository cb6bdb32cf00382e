"""Executors of other libraries, each with a name (`executors.EXECUTORS`). A library is imported where it is used."""

import logging
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from untrained.errors import InputError

POLL_SECONDS = 1.0
"""How often it is looked for jobs of a queue that have ended."""


class RayExecutor(Executor):
    """Tasks of Ray: in a cluster, or in processes that Ray starts here.

    Args:
        address: "host:port" of a cluster's Ray Client server; "" for one that is started on this machine.
        options: Of each task, such as `num_cpus` and `num_gpus` (1 and 0), see `ray.remote`.
        jobs: Processors of a cluster that is started here, times `num_cpus`.
    """

    def __init__(self, address: str, options: Mapping[str, Any], jobs: int) -> None:
        import ray  # pyright: ignore[reportMissingImports] - an extra

        self._ray: Any = ray
        self._is_own = not ray.is_initialized()
        # A lost worker is this package's to answer: it tells of it, and has it retried.
        self._options = {"num_cpus": 1, "max_retries": 0, **options}
        if self._is_own:
            os.environ.setdefault("RAY_worker_niceness", "0")  # its 15 is never served on a machine that others use
            cpus = max(1, round(jobs * self._options["num_cpus"]))
            where: dict[str, Any] = (
                {"address": f"ray://{address}"} if address else {"num_cpus": cpus, "include_dashboard": False}
            )
            ray.init(**where, log_to_driver=True, logging_level=logging.WARNING)
        self._tasks = dict[Future[Any], Any]()
        self._functions = dict[Any, Any]()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        if fn not in self._functions:  # each that is made travels to all nodes, and stays there
            self._functions[fn] = self._ray.remote(**self._options)(fn)
        task = self._functions[fn].remote(*args, **kwargs)
        future: Future[Any] = task.future()
        self._tasks[future] = task
        future.add_done_callback(lambda future: self._tasks.pop(future, None))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            for task in list(self._tasks.values()):
                self._ray.cancel(task, force=True)
        if self._is_own:
            self._ray.shutdown()


class DaskExecutor(Executor):
    """Tasks of Dask: in a cluster, or in processes that Dask starts here.

    Args:
        address: "host:port" of a scheduler; "" for a cluster that is started on this machine.
        options: Of each task, such as `retries`, see `distributed.Client.submit`.
        jobs: Workers of a cluster that is started here.
    """

    def __init__(self, address: str, options: Mapping[str, Any], jobs: int) -> None:
        from distributed import Client  # pyright: ignore[reportMissingImports] - an extra

        own = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
        self._client: Any = Client(f"tcp://{address}") if address else Client(**own)
        self._executor = self._client.get_executor(**options)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=wait)
        self._client.close()


class SubmititExecutor(Executor):
    """Jobs of SLURM, by submitit.

    Args:
        address: Must be "".
        options: Of each job, such as `partition` and `timeout_min`, see `submitit.AutoExecutor.update_parameters`; but
            `cluster` ("slurm" by default) and `folder` ("submitit") are those of the executor.
        jobs: Not used: each task is a job of its own.

    Attributes:
        shared_folder: Of the jobs and of what they need; all nodes must see it.
    """

    def __init__(self, address: str, options: Mapping[str, Any], jobs: int) -> None:
        import submitit  # pyright: ignore[reportMissingImports] - an extra

        if address:
            raise InputError(f"executor 'slurm' has no address ({address!r}): run the search where jobs are submitted")
        given = dict(options)
        self.shared_folder, cluster = Path(given.pop("folder", "submitit")).resolve(), given.pop("cluster", "slurm")
        self.shared_folder.mkdir(parents=True, exist_ok=True)
        self._executor = submitit.AutoExecutor(self.shared_folder, cluster=cluster)
        # Some parameters are called alike in every cluster, others are SLURM's alone.
        known = {"timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node", "name"}
        self._executor.update_parameters(**{k if k in known else f"slurm_{k}": v for k, v in given.items()})
        self._jobs = dict[Future[Any], Any]()
        self._is_open = True
        threading.Thread(target=self._watch, daemon=True).start()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future = Future[Any]()
        future.set_running_or_notify_cancel()
        self._jobs[future] = self._executor.submit(fn, *args, **kwargs)
        return future

    def _watch(self) -> None:
        while self._is_open:
            for future, job in list(self._jobs.items()):
                if job.done():
                    del self._jobs[future]
                    _settle(future, job)
            time.sleep(POLL_SECONDS)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._is_open = False
        for job in list(self._jobs.values()) if cancel_futures else []:
            job.cancel()


def _settle(future: "Future[Any]", job: Any) -> None:
    """Takes over how a job ended."""
    try:
        result = job.result()
    except BaseException as error:  # of the job, not of this thread
        future.set_exception(error)
    else:
        future.set_result(result)


class MPIExecutor(Executor):
    """Processes of MPI: the search runs as `mpiexec -n 5 python -m mpi4py.futures -m untrained search ...`.

    Args:
        address: Must be "".
        options: Of `mpi4py.futures.MPIPoolExecutor`.
        jobs: Processes that are started, where MPI can do so; else those of `mpiexec` are used.
    """

    def __init__(self, address: str, options: Mapping[str, Any], jobs: int) -> None:
        from mpi4py.futures import MPIPoolExecutor  # pyright: ignore[reportMissingImports] - an extra

        if address:
            raise InputError(f"executor 'mpi' has no address ({address!r}): give the machines to mpiexec")
        self._executor: Any = MPIPoolExecutor(max_workers=jobs, **options)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=wait, cancel_futures=cancel_futures)
