"""The command line."""

import argparse

from . import executors

PARTS = {
    "executors": (executors.timed, "CPU time of the executor rows, memory of a task, waking across threads"),
    "instructions": (executors.counted, "the same rows, instructions by callgrind"),
}


def main():
    """Runs the parts that the command line names."""
    parser = argparse.ArgumentParser(prog="run", description="Measures downbeat beside its peers.")
    parser.add_argument("parts", nargs="*", metavar="PART", help="; ".join(f"{name}: {about}" for name, (_, about) in PARTS.items()))
    parser.add_argument("--only", type=listed, help="competitors, with commas between")
    parser.add_argument("--without", type=listed, help="competitors to leave out")
    parser.add_argument("--rows", type=listed, help="rows of the executor parts")
    parser.add_argument("--rounds", type=int, default=9, help="how often each competitor runs each row (9)")
    options = parser.parse_args()
    for part in options.parts or PARTS:
        if part not in PARTS:
            parser.error(f"there is no part {part}; there are {', '.join(PARTS)}")
    for part in options.parts or PARTS:
        PARTS[part][0](options)
    return 0


def listed(text):
    return text.split(",")
