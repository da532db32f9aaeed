"""The executor rows: CPU time per operation, instructions, memory, waking across threads."""

import json
import shutil
import subprocess

from . import build, count, tables
from .competitors import EXECUTORS, chosen, environment, tool
from .pin import CLIENT_CORE, EVERY_CORE

# Row: (operations of a timed run, operations of the two runs under callgrind).
ROWS = {
    "spawn": (1_000_000, 5_000, 15_000),
    "spawn1": (1_000_000, 20_000, 60_000),
    "yield1": (5_000_000, 50_000, 150_000),
    "yield1000": (5_000_000, 50_000, 150_000),
    "pingpong": (1_000_000, 10_000, 30_000),
    "mpsc": (5_000_000, 20_000, 60_000),
    "join1000": (300_000, 6_000, 18_000),
    "join100000": (500_000, 100_000, 200_000),
    "spawnjoin1000": (300_000, 6_000, 18_000),
    "spawnjoin100000": (500_000, 100_000, 200_000),
    "timers": (1_000_000, 5_000, 15_000),
    "timercancel": (1_000_000, 10_000, 30_000),
}
MEMORY = {"memnever": 1_000_000, "memsleep": 1_000_000}
# Round trips across threads: timed, and counted.
THREADS = (20_000, 1_000, 3_000)


def command(competitor, row, operations):
    return [build.path(competitor.program), row, str(operations)]


def rows_asked(options, all_rows):
    for row in options.rows or []:
        if row not in [*ROWS, *MEMORY, "xwake"]:
            raise SystemExit(
                f"there is no row {row}; there are {', '.join([*ROWS, *MEMORY, 'xwake'])}"
            )
    return [row for row in all_rows if not options.rows or row in options.rows]


def participants(options):
    return build.built(chosen(EXECUTORS, options.only, options.without))


def timed(options):
    """CPU time per operation, in turn, and memory per task, and wake latency."""
    everyone = participants(options)
    names = [one.name for one in everyone]
    found = [
        (row, in_turn(everyone, row, operations, options.rounds))
        for row, (operations, *_) in ROWS.items()
        if row in rows_asked(options, ROWS)
    ]
    if found:
        tables.grid("CPU time of an operation, ns: median (spread)", names, found)
    found = [
        (row, in_turn(everyone, row, operations, 3))
        for row, operations in MEMORY.items()
        if row in rows_asked(options, MEMORY)
    ]
    if found:
        tables.grid("Resident bytes of a task", names, found)
    if "xwake" in rows_asked(options, ["xwake"]):
        found = [
            (
                "xwake",
                in_turn(everyone, "xwake", THREADS[0], max(3, options.rounds // 3), EVERY_CORE),
            )
        ]
        tables.grid(
            "Waking across threads: a round trip on the wall, ns: median (spread)", names, found
        )


def in_turn(everyone, row, operations, rounds, cores=CLIENT_CORE):
    """Runs a row `rounds` times with every competitor, the first one rotating, so that
    a change of the machine's load meets all alike."""
    values = {one.name: [] for one in everyone}
    for turn in range(rounds):
        start = turn % len(everyone)
        for one in everyone[start:] + everyone[:start]:
            value = once(one, row, operations, cores)
            if value is not None:
                values[one.name].append(value)
    return {
        name: (tables.median(v), f"({tables.spread(v):.0%})") for name, v in values.items() if v
    }


def once(one, row, operations, cores):
    """One run of one row, in nanoseconds or bytes per operation."""
    if row in one.without:
        return None
    pinned = ["taskset", "-c", cores] + command(one, row, operations)
    try:
        done = subprocess.run(
            pinned, env=environment(one), capture_output=True, text=True, timeout=120
        )
    except subprocess.TimeoutExpired:
        print(f"{one.name} {row}: no end after 120 s", flush=True)
        return None
    line = count.last_line(done.stdout)
    tables.keep(
        "executors", {"competitor": one.name, "exit": done.returncode, **(line or {"row": row})}
    )
    if done.returncode != 0 or not line:
        print(f"{one.name} {row}: exit {done.returncode} {done.stderr[-300:]}", flush=True)
        return None
    if line.get("skip"):
        return None
    if "bytes" in line:
        return line["bytes"]
    return line["wall_ns" if row == "xwake" else "cpu_ns"] / line["operations"]


def counted(options):
    """Instructions per operation; and for waking across threads also system calls."""
    if not tool("valgrind", "instructions"):
        return
    everyone = [one for one in participants(options) if not one.uring]
    names = [one.name for one in everyone]
    found = []
    for row in rows_asked(options, [*ROWS, "xwake"]):
        cells = {}
        for one in everyone:
            value = instructions_of(one, row)
            if value is not None:
                cells[one.name] = (value, "")
        print(row, json.dumps({name: round(v, 1) for name, (v, _) in cells.items()}), flush=True)
        found.append((row, cells))
    tables.grid("Instructions of an operation (callgrind)", names, found)
    if "xwake" in rows_asked(options, ["xwake"]) and shutil.which("strace"):
        calls_across_threads(everyone)


def instructions_of(one, row):
    """The slope between two sizes."""
    if row in one.without:
        return None
    sizes = THREADS[1:] if row == "xwake" else ROWS[row][1:]
    try:
        runs = [count.instructions(command(one, row, n), counting(one)) for n in sizes]
    except (count.Failed, subprocess.TimeoutExpired) as error:
        print(f"{one.name} {row}: {error}", flush=True)
        return None
    if any(line.get("skip") for _, line in runs):
        return None
    value = count.slope(*[(total, line["operations"]) for total, line in runs])
    tables.keep("instructions", {"competitor": one.name, "row": row, "instructions": value})
    return value


def counting(one):
    """Its environment under callgrind, where a second of the clock has fifty times fewer
    instructions: what comes once a second should not come at all."""
    return {**environment(one), "PEERS_COUNTED": "1"}


def calls_across_threads(everyone):
    """System calls of a round trip, both sides together, by kind."""
    lines = []
    for one in everyone:
        if "xwake" in one.without:
            continue
        small, large = [
            count.system_calls(command(one, "xwake", n), environment(one)) for n in THREADS[1:]
        ]
        operations = large[1]["operations"] - small[1]["operations"]
        kinds = {
            kind: (calls - small[0].get(kind, 0)) / operations for kind, calls in large[0].items()
        }
        kinds = sorted(
            ((calls, kind) for kind, calls in kinds.items() if calls > 0.005), reverse=True
        )
        lines.append(
            [
                one.name,
                f"{sum(calls for calls, _ in kinds):.2f}",
                ", ".join(f"{kind} {calls:.2f}" for calls, kind in kinds),
            ]
        )
    tables.table(
        "System calls of a round trip across threads", ["competitor", "all", "by kind"], lines
    )
