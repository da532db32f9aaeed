"""The fetching rows: a hundred URLs at once, keep-alive throughput, TLS, many URLs."""

import os
import re
import subprocess
import tempfile

from . import build, count, tables
from .competitors import FETCHERS, chosen, environment
from .pin import CLIENT_CORE
from .servers import RUN, Nginx, Server


def participants(options, part):
    """Those who take part, whose programs stand; the server and the launcher too."""
    for program in ("server", "launch"):
        if not build.build(program, feature=False):
            raise SystemExit("nothing to measure against")
    everyone = [one for one in chosen(FETCHERS, options.only, options.without) if part in one.parts]
    return [one for one in build.built(everyone) if one.is_there()]


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
    run = ["taskset", "-c", CLIENT_CORE, build.path("launch")] + command(one, base, requests, in_flight, mode)
    try:
        done = subprocess.run(run, env=environment(one), capture_output=True, text=True, timeout=180)
    except subprocess.TimeoutExpired:
        print(f"{one.name}: no end after 180 s", flush=True)
        return None
    took = count.last_line(done.stderr)
    took.update(outcome(one, done.stdout, took))
    tables.keep("fetch", {"competitor": one.name, "base": base, "requests": requests, "in_flight": in_flight, "mode": mode, **took})
    if took.get("exit") != 0 or took["ok"] < (1 if one.kind == "wrk" else requests):
        print(f"{one.name}: exit {took.get('exit')}, {took['ok']} of {requests}: {done.stderr[-300:]}", flush=True)
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


def hundred(options):
    """A hundred URLs at once: pages without delay, and of 50 and 200 ms."""
    everyone = participants(options, "fetch")
    names = [one.name for one in everyone]
    walls, cpus, peaks = [], [], []
    for delay in (0, 50, 200):
        with Server(delay) as server:
            run = lambda one: once(one, f"{server.base}/10k", 100, 100, "gather")
            found = in_turn(everyone, options.rounds if delay == 0 else max(3, options.rounds // 2), run)
        walls.append((f"{delay} ms", summary(found, lambda took: took["wall_ns"] / 1e6)))
        cpus.append((f"{delay} ms", summary(found, lambda took: took["cpu_us"] / took["ok"])))
        peaks.append((f"{delay} ms", summary(found, lambda took: took["peak_kib"])))
    tables.grid("100 URLs at once: time in the program, ms", names, walls)
    tables.grid("100 URLs at once: CPU time of the process, us per URL", names, cpus)
    tables.grid("100 URLs at once: peak memory, KiB", names, peaks)
    system_calls(everyone, 100)


def system_calls(everyone, in_flight):
    """All calls of one run of a hundred URLs, start and end of the program included."""
    lines = []
    with Server() as server:
        for one in everyone:
            try:
                calls, _ = traced(one, f"{server.base}/10k", 100, in_flight, "gather")
            except count.Failed as error:
                print(error, flush=True)
                continue
            lines.append([one.name, str(sum(calls.values())), kinds(calls, 1)])
    tables.table("100 URLs at once: system calls of the whole process", ["client", "all", "by kind"], lines)


def traced(one, base, requests, in_flight, mode):
    """System calls by kind, and the number of replies."""
    with tempfile.NamedTemporaryFile("r") as file:
        run = ["strace", "-f", "-c", "-o", file.name] + command(one, base, requests, in_flight, mode)
        done = subprocess.run(["taskset", "-c", CLIENT_CORE] + run, env=environment(one), capture_output=True, text=True, timeout=300)
        calls = count.by_kind(file.read())
    replies = outcome(one, done.stdout, {})["ok"]
    if done.returncode != 0 or not replies:
        raise count.Failed(f"{one.name} under strace: exit {done.returncode} {done.stderr[-300:]}")
    return calls, replies


def kinds(calls, least):
    """The kinds with at least so many, most frequent first."""
    often = sorted(((number, kind) for kind, number in calls.items() if number >= least), reverse=True)
    return ", ".join(f"{kind} {number:.2f}" if number < 10 else f"{kind} {number:.0f}" for number, kind in often[:7])


def keep_alive(options):
    """Requests on open connections: CPU time per request, at each number of connections
    and each size of page. wrk runs for seconds, the others for requests."""
    everyone = participants(options, "keepalive")
    names = [one.name for one in everyone]
    cpus, rates = [], []
    with Server() as server:
        for connections in options.connections:
            for page in ("1k", "10k"):
                total = options.requests // (2 if connections == 1 else 1)
                run = lambda one: once(one, f"{server.base}/{page}", max(connections, int(total * one.share)), connections, "workers")
                found = in_turn(everyone, options.rounds, run)
                row = f"{connections} x {page}"
                cpus.append((row, summary(found, lambda took: took["cpu_us"] / took["ok"])))
                rates.append((row, summary(found, lambda took: took["ok"] / took["wall_ns"] * 1e6)))
                paired(row, found)
    tables.grid("Keep-alive: CPU time of the client, us per request", names, cpus)
    tables.grid("Keep-alive: thousand requests a second", names, rates)


def paired(row, found):
    """Our CPU time over the floor's, run by run, with a 95 % interval of the median."""
    if "downbeat" not in found or "floor" not in found:
        return
    pairs = zip(found["downbeat"], found["floor"])
    ratios = [(a["cpu_us"] / a["ok"]) / (b["cpu_us"] / b["ok"]) for a, b in pairs]
    low, high = tables.interval(ratios)
    print(f"{row}: downbeat / floor {tables.median(ratios):.3f}, 95 % interval {low:.3f} to {high:.3f}, {len(ratios)} pairs", flush=True)


def counted(options):
    """Keep-alive, counted: instructions in user space and system calls of one request,
    each the slope between two numbers of requests."""
    everyone = [one for one in participants(options, "keepalive") if one.kind != "wrk"]
    names = [one.name for one in everyone]
    rows, lines = [], []
    with Server() as server:
        for connections in options.connections:
            base, cells = f"{server.base}/1k", {}
            for one in everyone:
                sizes = [size + 10 * connections for size in (1_000, 3_000)]
                try:
                    calls = [traced(one, base, size, connections, "workers") for size in sizes]
                    if not one.interpreted:
                        cells[one.name] = (instructions(one, base, sizes, connections), "")
                except (count.Failed, subprocess.TimeoutExpired) as error:
                    print(f"{one.name}: {error}", flush=True)
                    continue
                requests = calls[1][1] - calls[0][1]
                each = {kind: (number - calls[0][0].get(kind, 0)) / requests for kind, number in calls[1][0].items()}
                lines.append([f"{connections}", one.name, f"{sum(each.values()):.2f}", kinds(each, 0.01)])
                print(connections, one.name, *cells.get(one.name, ()), lines[-1][2:], flush=True)
            rows.append((str(connections), cells))
    tables.grid("Keep-alive, 1 KiB: instructions of a request in user space, by connections", names, rows)
    tables.table("Keep-alive, 1 KiB: system calls of a request", ["connections", "client", "all", "by kind"], lines)


def instructions(one, base, sizes, connections):
    """The slope of the instructions between two numbers of requests."""
    runs = [count.instructions(command(one, base, size, connections, "workers"), environment(one)) for size in sizes]
    value = count.slope(*[(total, line["ok"]) for total, line in runs])
    tables.keep("instructions", {"competitor": one.name, "row": f"request on {connections}", "instructions": value})
    return value


def tls(options):
    """A hundred handshakes at once; ten connections for a hundred URLs; keep-alive."""
    everyone = participants(options, "tls")
    if not Nginx.is_there():
        return
    names = [one.name for one in everyone]
    walls, cpus = [], []
    with Nginx() as server:
        os.environ["PEERS_CA"] = server.authority
        for row, requests, in_flight, mode, rounds in (
            ("100 URLs, 100 connections", 100, 100, "gather", options.rounds),
            ("100 URLs, 10 connections", 100, 10, "gather", options.rounds),
            ("keep-alive, 100 connections", 20_000, 100, "workers", 3),
        ):
            run = lambda one: once(one, f"{server.base}/10k", max(in_flight, int(requests * (one.share if requests > 100 else 1))), in_flight, mode)
            found = in_turn(everyone, rounds, run)
            walls.append((row, summary(found, lambda took: took["wall_ns"] / 1e6)))
            cpus.append((row, summary(found, lambda took: took["cpu_us"] / took["ok"])))
        del os.environ["PEERS_CA"]
    tables.grid("HTTPS: time in the program, ms", names, walls)
    tables.grid("HTTPS: CPU time of the client, us per request", names, cpus)


def scale(options):
    """10,000 and 100,000 URLs, all tasks started at once: time and peak memory."""
    everyone = participants(options, "scale")
    names = [one.name for one in everyone]
    times, peaks = [], []
    with Server() as server:
        for requests, rounds in ((10_000, 3), (100_000, 1)):
            for in_flight in (100, 1000):
                run = lambda one: once(one, f"{server.base}/10k", requests, in_flight, "gather")
                found = in_turn(everyone, rounds, run)
                row = f"{requests:,} URLs, {in_flight} at a time"
                times.append((row, summary(found, lambda took: took["wall_ns"] / 1e3 / took["ok"])))
                peaks.append((row, summary(found, lambda took: took["peak_kib"] / 1024)))
    tables.grid("Many URLs: time of a URL on the wall, us", names, times)
    tables.grid("Many URLs: peak memory, MiB", names, peaks)

