"""Storages that several processes can reach, made for one run: SQLite, a journal file, PostgreSQL, a gRPC proxy."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

KINDS = ("sqlite", "journal", "postgres", "grpc")
DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
"""Where Debian keeps the programs of PostgreSQL's servers."""


@contextmanager
def storage_of(kind: str, folder: Path) -> Iterator[str]:
    """Gives the URL of a new storage in a folder, and ends its server at the end."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'study.db'}"
    elif kind == "journal":
        yield f"journal:{folder / 'journal.log'}"
    elif kind == "postgres":
        with postgres() as url:
            yield url
    else:
        with grpc(folder) as url:
            yield url


def missing(kind: str) -> str:
    """What a kind of storage lacks here; "" if nothing."""
    if kind == "postgres":
        if program("initdb") is None:
            return "PostgreSQL's initdb and pg_ctl are not installed"
        with suppress(ImportError):
            import psycopg  # noqa: F401  # pyright: ignore[reportMissingImports] - an extra

            return "" if os.getuid() else _no_user()
        return "psycopg is not installed: pip install 'untrained[postgres]'"
    if kind == "grpc":
        with suppress(ImportError):
            import grpc  # noqa: F401

            return ""
        return "grpcio is not installed"
    return ""


def program(name: str) -> str | None:
    """Where a program of PostgreSQL's is."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, reversed(DEBIAN))]))


def _no_user() -> str:
    return "" if shutil.which("setpriv") else "PostgreSQL does not run as root, and there is no setpriv to be another"


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Cluster:
    """A PostgreSQL cluster of its own, at a port of this machine; as user nobody if this is root.

    Args:
        place: A folder for it, which nobody gets to, too, and whose path is short enough for a socket.

    Attributes:
        url: Its URL.
    """

    def __init__(self, place: Path) -> None:
        self.place, self.port = place, free_port()
        self.url = f"postgresql+psycopg://searcher@127.0.0.1:{self.port}/postgres"
        self._other: list[str] = []
        if os.getuid() == 0:
            os.chown(place, 65534, 65534)
            self._other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        self._call("initdb", "-D", str(place / "data"), "-U", "searcher", "--auth=trust", "--encoding=UTF8")

    def start(self) -> None:
        """Starts its server."""
        options = f"-p {self.port} -h 127.0.0.1 -k {self.place} -c max_connections=300"
        self._call(
            "pg_ctl", "-D", str(self.place / "data"), "-o", options, "-l", str(self.place / "log"), "-w", "start"
        )

    def stop(self) -> None:
        """Ends it at once, as a fault would."""
        self._call("pg_ctl", "-D", f"{self.place}/data", "-m", "immediate", "-w", "stop")

    def _call(self, name: str, *arguments: str) -> None:
        command = [*self._other, str(program(name)), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd="/", env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster that runs, and is removed at the end."""
    place = Path(tempfile.mkdtemp(prefix="postgres-", dir="/tmp"))
    made = Cluster(place)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(place)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of such a cluster."""
    with cluster() as made:
        yield made.url


@contextmanager
def grpc(folder: Path) -> Iterator[str]:
    """Optuna's gRPC proxy before a SQLite file, in a process of its own."""
    port = free_port()
    pid = os.fork()
    if pid == 0:
        from optuna.storages import RDBStorage, run_grpc_proxy_server

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        options = {"connect_args": {"timeout": 300}}
        run_grpc_proxy_server(RDBStorage(f"sqlite:///{folder / 'study.db'}", engine_kwargs=options), port=port)
        os._exit(0)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield f"grpc://127.0.0.1:{port}"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
