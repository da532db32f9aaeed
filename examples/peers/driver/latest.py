"""The newest count of every executor row, as the table of docs/reference/benchmarks.md."""

import json
import os

from .competitors import EXECUTORS, FLOOR, OURS
from .tables import RESULTS, number, table

ABOUT = {
    "spawn": "spawn all, then join all",
    "spawn1": "spawn one, await it, again",
    "yield1": "yield, 1 task",
    "yield1000": "yield, 1,000 tasks",
    "pingpong": "two tasks wake each other, there and back",
    "mpsc": "a value through a bounded channel",
    "join1000": "child of `join_all`, 1,000 wide",
    "join100000": "the same, 100,000 wide",
    "spawnjoin1000": "the same children as tasks, 1,000",
    "spawnjoin100000": "the same, 100,000",
    "timers": "spawn a sleep of up to 1 s, join it",
    "timercancel": "arm a timer and drop it",
    "xwake": "a round trip across threads, both sides",
}


def latest(_options):
    """Prints what `run instructions` counted last, run by run, with our place among the
    peers (the floor is none) and the ratio to the best of them."""
    newest = {}
    path = os.path.join(RESULTS, "instructions.jsonl")
    if not os.path.exists(path):
        raise SystemExit("nothing was counted yet: examples/peers/run instructions")
    with open(path) as file:
        for line in file:
            record = json.loads(line)
            newest[record["row"], record["competitor"]] = record["instructions"]
    names = [one.name for one in EXECUTORS if not one.uring]
    lines = []
    for row, about in ABOUT.items():
        found = {name: newest[row, name] for name in names if (row, name) in newest}
        cells = [number(found.get(name)) for name in names]
        lines.append([f"{about} (`{row}`)", *cells, *standing(found)])
    title = "Instructions of an operation (callgrind)"
    table(title, ["row", *names, "place", "to the best peer"], lines)


def standing(found):
    """Our place, and our ratio to the best of the others."""
    peers = sorted(value for name, value in found.items() if name not in (OURS, FLOOR))
    if OURS not in found or not peers:
        return ["-", "-"]
    place = 1 + sum(value < found[OURS] for value in peers)
    return [f"{place} of {len(peers) + 1}", f"{found[OURS] / peers[0]:.2f}"]
