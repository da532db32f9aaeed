"""The command line."""

import argparse

from . import build, executors, fetch, latest

PARTS = {
    "executors": (
        executors.timed,
        "CPU time of the executor rows, memory of a task, waking across threads",
    ),
    "instructions": (executors.counted, "the same rows, instructions by callgrind"),
    "latest": (latest.latest, "the newest counts of the executor rows, as one table"),
    "fetch": (fetch.hundred, "100 URLs at once: time, CPU, memory, system calls"),
    "keepalive": (
        fetch.keep_alive,
        "requests on open connections: CPU time of a request, throughput",
    ),
    "requests": (fetch.counted, "the same, instructions and system calls of a request"),
    "tls": (fetch.tls, "HTTPS: handshakes and keep-alive"),
    "scale": (fetch.scale, "10,000 and 100,000 URLs: time of a URL, memory"),
}


def main():
    """Runs the parts that the command line names."""
    parser = argparse.ArgumentParser(prog="run", description="Measures downbeat beside its peers.")
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help="; ".join(f"{name}: {about}" for name, (_, about) in PARTS.items()),
    )
    parser.add_argument("--only", type=listed, help="competitors, with commas between")
    parser.add_argument("--without", type=listed, help="competitors to leave out")
    parser.add_argument("--rows", type=listed, help="rows of the executor parts")
    parser.add_argument(
        "--rounds", type=int, default=9, help="how often each competitor runs each row (9)"
    )
    parser.add_argument(
        "--connections",
        type=numbers,
        default=[1, 10, 100, 1000],
        help="of keepalive and requests (1,10,100,1000)",
    )
    parser.add_argument(
        "--requests", type=int, default=40_000, help="of one run of keepalive (40000)"
    )
    parser.add_argument(
        "--built", action="store_true", help="build nothing, and measure what stands"
    )
    options = parser.parse_args()
    build.stands_already = options.built
    for part in options.parts or PARTS:
        if part not in PARTS:
            parser.error(f"there is no part {part}; there are {', '.join(PARTS)}")
    for part in options.parts or PARTS:
        PARTS[part][0](options)
    return 0


def listed(text):
    return text.split(",")


def numbers(text):
    return [int(one) for one in text.split(",")]
