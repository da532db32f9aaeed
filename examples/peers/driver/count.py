"""Counts what does not depend on the machine's load: instructions (callgrind) and
system calls (strace). Both run a program twice, with two sizes; the slope between
them is the cost of one operation, without the program's start and end."""

import json
import re
import subprocess
import tempfile


def last_line(text):
    """The line of JSON a program printed."""
    lines = [line for line in text.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {}


def instructions(command, environment, timeout=600):
    """Instructions of all threads in user space, and the line the program printed."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        valgrind + command, env=environment, capture_output=True, text=True, timeout=timeout
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    line = last_line(done.stdout)
    if done.returncode != 0 or not found or not line:
        raise Failed(f"{' '.join(command)}: {done.stderr[-500:]}")
    return int(found.group(1)), line


def system_calls(command, environment, timeout=600):
    """Calls of all threads by kind, and the line the program printed."""
    with tempfile.NamedTemporaryFile("r") as summary:
        strace = ["strace", "-f", "-c", "-o", summary.name]
        done = subprocess.run(
            strace + command, env=environment, capture_output=True, text=True, timeout=timeout
        )
        calls = by_kind(summary.read())
    line = last_line(done.stdout)
    if done.returncode != 0 or not line:
        raise Failed(f"{' '.join(command)}: {done.stderr[-500:]}")
    return calls, line


def by_kind(summary):
    """The counts of a summary of strace."""
    calls = {}
    for line in summary.splitlines():
        found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if found and found.group(2) != "total":
            calls[found.group(2)] = calls.get(found.group(2), 0) + int(found.group(1))
    return calls


def slope(small, large):
    """Cost of an operation from two pairs of (total, operations)."""
    return (large[0] - small[0]) / (large[1] - small[1])


class Failed(Exception):
    """A program did not do what it was run for."""
