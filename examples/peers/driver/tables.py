"""Medians, spreads, ratios and the tables they are printed in."""

import json
import os
import statistics
import time

from .build import HERE
from .competitors import FLOOR, OURS

RESULTS = os.path.join(HERE, "results")


def median(values):
    return statistics.median(values)


def spread(values):
    """Half the distance between the quartiles, as a share of the median."""
    middle = median(values)
    if len(values) < 2 or middle == 0:
        return 0.0
    if len(values) < 4:
        return (max(values) - min(values)) / 2 / middle
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / middle


def interval(values):
    """A 95 % interval of the median, from the ranks of the sorted values (the sign test):
    it takes no shape of the noise for granted. With fewer than six, all of them."""
    ordered = sorted(values)
    count = len(ordered)
    if count < 6:
        return ordered[0], ordered[-1]
    reach = int((count - 1.96 * count**0.5) / 2)
    return ordered[reach], ordered[count - 1 - reach]


def number(value):
    """Three digits that count."""
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(title, head, lines):
    """Prints a table in Markdown, so that it can go into the documentation as it is."""
    cells = [head] + lines
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    print(f"\n{title}\n")
    for index, line in enumerate(cells):
        padded = [line[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(line[1:], widths[1:])]
        print("| " + " | ".join(padded) + " |")
        if index == 0:
            print(
                "|"
                + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths))
                + "|"
            )
    print(flush=True)


def grid(title, names, rows):
    """Prints one value per row and competitor, then the ratios to ours and the floor's.

    `rows`: a list of (row, {competitor: (value, note)}).
    """
    head = ["row"] + names
    values = [[row] + [cell(found.get(name)) for name in names] for row, found in rows]
    table(title, head, values)
    for base in (OURS, FLOOR):
        known = any(base in found for _, found in rows)
        if not known or len(names) < 2:
            continue
        lines = []
        for row, found in rows:
            lines.append([row] + [ratio(found.get(name), found.get(base)) for name in names])
        table(f"{title}: ratio to {base}", head, lines)


def cell(found):
    if found is None:
        return "-"
    value, note = found
    return f"{number(value)} {note}".rstrip()


def ratio(found, base):
    if found is None or base is None or not base[0]:
        return "-"
    return f"{found[0] / base[0]:.2f}"


def keep(part, record):
    """Adds one run to the file of its part, so that no figure is only on the screen."""
    os.makedirs(RESULTS, exist_ok=True)
    record = {"at": time.strftime("%Y-%m-%dT%H:%M:%S"), **record}
    with open(os.path.join(RESULTS, f"{part}.jsonl"), "a") as file:
        file.write(json.dumps(record) + "\n")
