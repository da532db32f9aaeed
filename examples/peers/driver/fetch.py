"""The fetching rows: a hundred URLs at once, keep-alive throughput, TLS, many URLs."""

import os
import subprocess

from . import build, count, tables
from .clients import in_turn, instructions, kinds, once, summary, traced
from .competitors import FETCHERS, chosen
from .servers import Nginx, Server


def participants(options, part):
    """Those who take part, whose programs stand; the server and the launcher too."""
    for program in ("server", "launch"):
        if not build.build(program, feature=False):
            raise SystemExit("nothing to measure against")
    everyone = [one for one in chosen(FETCHERS, options.only, options.without) if part in one.parts]
    return [one for one in build.built(everyone) if one.is_there()]


def hundred(options):
    """A hundred URLs at once: pages without delay, and of 50 and 200 ms."""
    everyone = participants(options, "fetch")
    names = [one.name for one in everyone]
    walls, cpus, peaks = [], [], []
    for delay in (0, 50, 200):
        with Server(delay) as server:
            run = lambda one: once(one, f"{server.base}/10k", 100, 100, "gather")
            found = in_turn(
                everyone, options.rounds if delay == 0 else max(3, options.rounds // 2), run
            )
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
    tables.table(
        "100 URLs at once: system calls of the whole process", ["client", "all", "by kind"], lines
    )


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
                run = lambda one: once(
                    one,
                    f"{server.base}/{page}",
                    max(connections, int(total * one.share)),
                    connections,
                    "workers",
                )
                found = in_turn(everyone, options.rounds, run)
                row = f"{connections} x {page}"
                cpus.append((row, summary(found, lambda took: took["cpu_us"] / took["ok"])))
                rates.append((row, summary(found, lambda took: took["ok"] / took["wall_ns"] * 1e6)))
                for other in ("floor", "wrk"):
                    paired(row, found, other)
    tables.grid("Keep-alive: CPU time of the client, us per request", names, cpus)
    tables.grid("Keep-alive: thousand requests a second", names, rates)


def paired(row, found, other):
    """Our CPU time over another's, run by run, with a 95 % interval of the median."""
    if "downbeat" not in found or other not in found:
        return
    pairs = zip(found["downbeat"], found[other])
    ratios = [(a["cpu_us"] / a["ok"]) / (b["cpu_us"] / b["ok"]) for a, b in pairs]
    low, high = tables.interval(ratios)
    print(
        f"{row}: downbeat / {other} {tables.median(ratios):.3f}, 95 % interval {low:.3f} to {high:.3f}, {len(ratios)} pairs",
        flush=True,
    )


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
                each = {
                    kind: (number - calls[0][0].get(kind, 0)) / requests
                    for kind, number in calls[1][0].items()
                }
                lines.append(
                    [f"{connections}", one.name, f"{sum(each.values()):.2f}", kinds(each, 0.01)]
                )
                print(connections, one.name, *cells.get(one.name, ()), lines[-1][2:], flush=True)
            rows.append((str(connections), cells))
    tables.grid(
        "Keep-alive, 1 KiB: instructions of a request in user space, by connections", names, rows
    )
    tables.table(
        "Keep-alive, 1 KiB: system calls of a request",
        ["connections", "client", "all", "by kind"],
        lines,
    )


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
            run = lambda one: once(
                one,
                f"{server.base}/10k",
                max(in_flight, int(requests * (one.share if requests > 100 else 1))),
                in_flight,
                mode,
            )
            found = in_turn(everyone, rounds, run)
            walls.append((row, summary(found, lambda took: took["wall_ns"] / 1e3 / took["ok"])))
            cpus.append((row, summary(found, lambda took: took["cpu_us"] / took["ok"])))
        del os.environ["PEERS_CA"]
    tables.grid("HTTPS: time in the program, us per request", names, walls)
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
