"""Time harmonium beside its peers and the matrix products alone, and write what was found: ``make bench``.

Every peer runs its own loop in float32 from the same warm machine, works take turns, and what stands in a table is a
median.  Ratios of updates are to harmonium in float32: above one is slower than it.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from interleave import Work, turns
from peers import PEERS, Asked, Learner, available, ours, products
from race import race
from scale import scale
from setting import TINY, Size, rows_to_learn, setting, warm
from torch import Tensor

from harmonium import RBM
from harmonium.numerics.precision import has_bfloat16

CPU = torch.device("cpu")


def updates(size: Size, threads: int) -> Iterator[dict[str, Any]]:
    """Time an update of one Gibbs step: harmonium, each peer, and the five products alone."""
    everything, what = rows_to_learn(size.data, size.rows)
    for visible, hidden, batch in size.sizes:
        busiest = everything.mean(0).argsort(descending=True)[:visible]
        v = everything[:, busiest.sort().values].contiguous()
        start = warm(v, hidden, size.warm)
        on = {"rows": what, "visible on": float(v.mean()), "hidden on": float(start.hidden_means(v[:500])[0].mean())}
        torch.set_num_threads(threads)
        works, told = dict[str, Work](), []
        for name, learner in [*learners(v, start, Asked(batch, 0.01)), *alone(start, batch)]:
            works[name] = learner.work
            told.append({"products": learner.form, "precision": learner.precision, "threads": threads})
        count = int(min(64, max(2, size.work / (5 * visible * hidden * batch))))
        found = turns(works, count, rounds=size.rounds, threads=threads)
        for one, how in zip(found, told, strict=True):
            sizes = {"visible": visible, "hidden": hidden, "batch": batch, "work": one.name}
            yield {**sizes, **how, "ms": 1000 * one.seconds, "ratio": one.seconds / found[0].seconds, **on}


def learners(v: Tensor, start: RBM, asked: Asked) -> Iterator[tuple[str, Learner]]:
    """Yield harmonium in float32, with dense products, and in the precision of its default, and each peer."""
    ways = {
        "harmonium, PCD": {},
        "harmonium, PCD, dense": {"products": "dense"},
        "harmonium, PCD, as it comes": {"precision": "auto"},
        "harmonium, PCD, bfloat16": {"precision": "bfloat16"} if has_bfloat16(CPU) else {},
    }
    seen = set()
    for name, settings in ways.items():
        learner = ours(v, start, asked, **settings)
        if (learner.precision, learner.form) not in seen:
            yield name, learner
        seen.add((learner.precision, learner.form))
    yield from ((name, PEERS[name](v, start, asked)) for name in filter(available, PEERS))


def alone(start: RBM, batch: int) -> Iterator[tuple[str, Learner]]:
    """Yield the five products, dense; in bfloat16 where the processor has it."""
    for kind in (torch.float32, *([torch.bfloat16] if has_bfloat16(CPU) else [])):
        precision = str(kind).removeprefix("torch.")
        work = products(*start.weight.shape, batch, kind)
        yield f"five products alone, {precision}", Learner(work, lambda: start, precision)


def markdown(found: dict[str, list[dict[str, Any]]], told: dict[str, str]) -> str:
    """Return a table for each part, and above them what they were timed on."""
    lines = [f"- {name}: {words}" for name, words in told.items()]
    for title, rows in found.items():
        head = list(rows[0]) if rows else []
        lines += ["", f"## {title}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        lines += ["| " + " | ".join(map(_cell, row.values())) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


PARTS = {"An update": updates, "Time to a likelihood": race, "Scale": scale}


def main(words: list[str]) -> int:
    """Run the bench, write ``bench.json`` and ``bench.md``, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(), help="folder of bench.json and bench.md")
    parser.add_argument("--only", choices=[part.__name__ for part in PARTS.values()], help="one part alone")
    parser.add_argument("--tiny", action="store_true", help="sizes that show that it runs, and nothing else")
    given = parser.parse_args(words)
    size, since, told = TINY if given.tiny else Size(), time.perf_counter(), setting()
    print(*(f"{name}: {line}" for name, line in told.items()), sep="\n", flush=True)
    if not has_bfloat16(CPU):
        print("bfloat16 is left out: --precision auto takes float32 on this processor", flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, Any]]] = {}
    for title, part in PARTS.items():
        if given.only in (None, part.__name__):
            print(f"{title} …", flush=True)
            found[title] = [
                row for threads in (size.threads if part is updates else (1,)) for row in part(size, threads)
            ]
            told["seconds"] = f"{time.perf_counter() - since:.0f}"
            write(found, told, given.out, "bench")
    return 0


def write(found: dict[str, list[dict[str, Any]]], told: dict[str, str], out: Path, name: str) -> None:
    """Write what was found as Markdown, which is printed too, and as JSON, each row with what it was found on."""
    text = markdown(found, told)
    (out / f"{name}.md").write_text(text)
    whole = {title: [row | told for row in rows] for title, rows in found.items()}
    (out / f"{name}.json").write_text(json.dumps(whole, indent=1))
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
