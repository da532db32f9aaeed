"""Who takes part. To add a competitor: its program in src/, its feature in Cargo.toml,
and one line here (README.md says what the program has to do)."""

import os
import shutil
from dataclasses import dataclass, field

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


EXECUTORS = [
    Competitor(OURS, "executor-downbeat"),
    Competitor(FLOOR, "executor-floor", without={"xwake": "its wakers stay on their thread"}),
    Competitor("tokio", "executor-tokio"),
    Competitor("tokio-local", "executor-tokio", {"PEER_MODE": "local"}),
    Competitor("smol", "executor-smol"),
    Competitor("futures", "executor-futures"),
    Competitor("monoio", "executor-monoio"),
    Competitor("monoio-uring", "executor-monoio", {"PEER_MODE": "uring"}, uring=True),
    Competitor("compio", "executor-compio", uring=True),
    Competitor("glommio", "executor-glommio", uring=True),
]


def chosen(everyone, only, without):
    """Those of `everyone` that the command line asks for."""
    names = [one.name for one in everyone]
    for name in (only or []) + (without or []):
        if name not in names:
            raise SystemExit(f"there is no {name}; there are {', '.join(names)}")
    return [one for one in everyone if (not only or one.name in only) and one.name not in (without or [])]


def tool(name, why):
    """The path of an installed program, or None and a line that says so."""
    path = shutil.which(name)
    if path is None:
        print(f"skipped: {why}, because {name} is not installed", flush=True)
    return path


def environment(competitor):
    """The environment its program runs in."""
    return {**os.environ, **competitor.environment}
