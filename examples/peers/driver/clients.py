"""One run of a fetching client: its command, what it took, what it fetched; and runs of
all clients in turn."""

import os
import re
import subprocess
import tempfile

from . import build, count, tables
from .competitors import environment
from .pin import CLIENT_CORE
from .servers import RUN


def command(one, base, requests, in_flight, mode):
    """How a competitor is run; wrk gets seconds instead of requests."""
    if one.kind == "wrk":
        return ["wrk", "-t1", f"-c{in_flight}", "-d2s", f"{base}/7"]
    if one.kind == "curl":
        return curl(base, requests, in_flight)
    program = [build.path(one.program)] if one.program else list(one.command)
    return program + [base, str(requests), str(in_flight), mode]


def curl(base, requests, in_flight):
    """curl reads its URLs from a file, and has at most 300 in flight."""
    os.makedirs(RUN, exist_ok=True)
    with open(os.path.join(RUN, "curl.urls"), "w") as file:
        for index in range(requests):
            file.write(f'url = "{base}/{index % 100}"\noutput = "/dev/null"\n')
    authority = ["--cacert", os.environ["PEERS_CA"]] if "PEERS_CA" in os.environ else []
    many = ["-Z", "--parallel-immediate", "--parallel-max", str(min(in_flight, 300))]
    said = ["-s", "-S", "--stderr", "/dev/null", "-w", "\nR %{http_code}\n"]
    return ["curl", *many, *said, *authority, "-K", file.name]


def once(one, base, requests, in_flight, mode):
    """One run: what it took, and what it fetched. None when it failed."""
    run = ["taskset", "-c", CLIENT_CORE, build.path("launch")] + command(
        one, base, requests, in_flight, mode
    )
    try:
        done = subprocess.run(
            run, env=environment(one), capture_output=True, text=True, timeout=180
        )
    except subprocess.TimeoutExpired:
        print(f"{one.name}: no end after 180 s", flush=True)
        return None
    took = count.last_line(done.stderr)
    took.update(outcome(one, done.stdout, took))
    tables.keep(
        "fetch",
        {
            "competitor": one.name,
            "base": base,
            "requests": requests,
            "in_flight": in_flight,
            "mode": mode,
            **took,
        },
    )
    if took.get("exit") != 0 or took["ok"] < (1 if one.kind == "wrk" else requests):
        print(
            f"{one.name}: exit {took.get('exit')}, {took['ok']} of {requests}: {done.stderr[-300:]}",
            flush=True,
        )
        return None
    took["cpu_us"] = took["user_us"] + took["system_us"]
    return took


def outcome(one, text, took):
    """What a program says it fetched: our line, or what curl and wrk print."""
    if one.kind == "curl":
        return {"ok": len(re.findall(r"^R 200$", text, re.M)), "wall_ns": took.get("process_ns", 0)}
    if one.kind == "wrk":
        found = re.search(r"(\d+) requests in", text)
        rate = re.search(r"Requests/sec:\s*([\d.]+)", text)
        ok = int(found.group(1)) if found else 0
        return {"ok": ok, "wall_ns": ok / float(rate.group(1)) * 1e9 if rate else 0}
    return count.last_line(text) or {"ok": 0, "wall_ns": 0}


def in_turn(everyone, rounds, run):
    """`run(competitor)` so many times each, the first one rotating."""
    found = {one.name: [] for one in everyone}
    for turn in range(rounds):
        start = turn % len(everyone)
        for one in everyone[start:] + everyone[:start]:
            took = run(one)
            if took is not None:
                found[one.name].append(took)
    return {name: runs for name, runs in found.items() if runs}


def summary(found, value):
    """Median and spread of `value(run)` for each competitor."""
    cells = {}
    for name, runs in found.items():
        values = [value(run) for run in runs]
        cells[name] = (tables.median(values), f"({tables.spread(values):.0%})")
    return cells


def traced(one, base, requests, in_flight, mode):
    """System calls by kind, and the number of replies."""
    with tempfile.NamedTemporaryFile("r") as file:
        run = ["strace", "-f", "-c", "-o", file.name] + command(
            one, base, requests, in_flight, mode
        )
        done = subprocess.run(
            ["taskset", "-c", CLIENT_CORE] + run,
            env=environment(one),
            capture_output=True,
            text=True,
            timeout=300,
        )
        calls = count.by_kind(file.read())
    replies = outcome(one, done.stdout, {})["ok"]
    if done.returncode != 0 or not replies:
        raise count.Failed(f"{one.name} under strace: exit {done.returncode} {done.stderr[-300:]}")
    return calls, replies


def kinds(calls, least):
    """The kinds with at least so many, most frequent first."""
    often = sorted(
        ((number, kind) for kind, number in calls.items() if number >= least), reverse=True
    )
    return ", ".join(
        f"{kind} {number:.2f}" if number < 10 else f"{kind} {number:.0f}"
        for number, kind in often[:7]
    )


def instructions(one, base, sizes, connections):
    """The slope of the instructions between two numbers of requests."""
    runs = [
        count.instructions(command(one, base, size, connections, "workers"), environment(one))
        for size in sizes
    ]
    value = count.slope(*[(total, line["ok"]) for total, line in runs])
    tables.keep(
        "instructions",
        {"competitor": one.name, "row": f"request on {connections}", "instructions": value},
    )
    return value
