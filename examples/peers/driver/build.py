"""Builds the programs of this package, each alone, with its own feature only."""

import os
import subprocess

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Where cargo puts them: beside the package, unless the caller wants it elsewhere.
TARGET = os.environ.get("CARGO_TARGET_DIR") or os.path.join(HERE, "target")

# Measure what stands already, and build nothing.
stands_already = False


def path(program):
    """Where the built program stands."""
    return os.path.join(TARGET, "release", program)


def build(program, feature=True):
    """Builds one program; returns whether it stands. A competitor that does not build
    is skipped with a line that says so, and the rest is measured."""
    if stands_already:
        if not os.path.exists(path(program)):
            print(f"skipped: {program} was not built", flush=True)
        return os.path.exists(path(program))
    command = ["nice", "cargo", "build", "--release", "--locked", "--quiet", "--bin", program]
    if feature:
        command += ["--features", program]
    command += ["--target-dir", TARGET]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"skipped: {program} does not build:\n{done.stderr[-2000:]}", flush=True)
    return done.returncode == 0


def built(competitors):
    """Those of the competitors whose programs could be built (or need not be)."""
    stands = {}
    for one in competitors:
        if one.program and one.program not in stands:
            stands[one.program] = build(one.program)
    return [one for one in competitors if not one.program or stands[one.program]]
