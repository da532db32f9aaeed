"""Who takes part. To add a competitor: its program in src/, its feature in Cargo.toml,
and one line here (README.md says what the program has to do)."""

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass, field

# Programs in Python.
PYTHON = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "python")
OURS = "downbeat"
FLOOR = "floor"


@dataclass(frozen=True)
class Competitor:
    """One column of a table."""

    name: str
    # The binary of this package, which is also the name of its feature.
    program: str = ""
    # Variables of its environment.
    environment: dict = field(default_factory=dict)
    # It needs io_uring, which valgrind does not know.
    uring: bool = False
    # Rows it cannot do, and why.
    without: dict = field(default_factory=dict)
    # The fetching parts it takes part in.
    parts: tuple = ()
    # What its output looks like: our line of JSON, or curl's or wrk's own.
    kind: str = "json"
    # A program that is not ours: its command, without URL and numbers.
    command: tuple = ()
    # Its share of the requests of long rows: slow ones get fewer.
    share: float = 1.0
    # It runs in an interpreter, where instructions say little.
    interpreted: bool = False
    # What must be installed: a command, and a module of Python.
    needs: str = ""
    module: str = ""

    def is_there(self):
        """Whether what it needs is installed; a line says so when it is not."""
        if self.needs and not tool(self.needs, self.name):
            return False
        if self.module and importlib.util.find_spec(self.module) is None:
            print(f"skipped: {self.name}, because Python has no {self.module}", flush=True)
            return False
        return True


EXECUTORS = [
    Competitor(OURS, "executor-downbeat"),
    Competitor(
        FLOOR,
        "executor-floor",
        without={"xwake": "it never sleeps", "memnever": "it polls what waits"},
    ),
    Competitor("tokio", "executor-tokio"),
    Competitor("tokio-local", "executor-tokio", {"PEER_MODE": "local"}),
    Competitor("smol", "executor-smol"),
    Competitor("futures", "executor-futures"),
    Competitor("monoio", "executor-monoio"),
    Competitor("monoio-uring", "executor-monoio", {"PEER_MODE": "uring"}, uring=True),
    Competitor("compio", "executor-compio", uring=True),
    Competitor("glommio", "executor-glommio", uring=True),
]

ALL = ("fetch", "keepalive", "tls", "scale")
PLAIN = ("fetch", "keepalive", "scale")

FETCHERS = [
    Competitor(OURS, "fetch-downbeat", parts=ALL),
    Competitor(FLOOR, "fetch-floor", parts=PLAIN),
    Competitor("hyper", "fetch-hyper", parts=("fetch", "keepalive")),
    Competitor("hyper-util", "fetch-hyper-util", parts=ALL, share=0.5),
    Competitor("reqwest", "fetch-reqwest", parts=ALL, share=0.5),
    Competitor("smol+hyper", "fetch-smol", parts=("fetch", "keepalive")),
    Competitor("ureq", "fetch-ureq", parts=("fetch",), share=0.25),
    Competitor("curl", kind="curl", parts=("fetch", "tls", "scale"), needs="curl"),
    Competitor(
        "aiohttp",
        command=(sys.executable, os.path.join(PYTHON, "aiohttp_fetch.py")),
        parts=ALL,
        share=0.03,
        interpreted=True,
        module="aiohttp",
    ),
    Competitor("wrk", kind="wrk", parts=("keepalive",), needs="wrk"),
]


def chosen(everyone, only, without):
    """Those of `everyone` that the command line asks for."""
    names = [one.name for one in everyone]
    for name in (only or []) + (without or []):
        if name not in names:
            raise SystemExit(f"there is no {name}; there are {', '.join(names)}")
    return [
        one
        for one in everyone
        if (not only or one.name in only) and one.name not in (without or [])
    ]


def tool(name, why):
    """The path of an installed program, or None and a line that says so."""
    path = shutil.which(name)
    if path is None:
        print(f"skipped: {why}, because {name} is not installed", flush=True)
    return path


def environment(competitor):
    """The environment its program runs in."""
    return {**os.environ, **competitor.environment}
