"""Run a command of harmonium, and see that the threads of its group of processes end before it.

    torchrun --nproc-per-node N threadless.py train …

A thread that is left when Python ends may abort the process.
"""

from pathlib import Path

from harmonium.cli import main

main()
left = sorted(place.read_text().strip() for place in Path("/proc/self/task").glob("*/comm"))
assert not [name for name in left if "gloo" in name], left
