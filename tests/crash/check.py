"""Kill trainings at random moments, and see that each goes on to the bytes of the one that nobody touched.

    python tests/crash/check.py [KILLS [SIGNAL]]

Two at a time, five kills a run, over the kinds in turn.  Exit 0 when every run ends at the same bytes.  With SIGINT or
SIGTERM in the place of SIGKILL every cut must also end within `PATIENCE` and with its exit code.
"""

import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

EACH = 5  # kills of one run
KILL = signal.SIGKILL
EXITS = {KILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}
KINDS = {  # settings, and updates that take some seconds
    "rbm, persistent chains": ("--hidden 12", 2000),
    "rbm, tempered": ("--hidden 8 --sampler pt --n-replicas 4", 1000),
    "dbm": ("--model dbm --hidden 10,6", 800),
    "dbn": ("--model dbn --hidden 10,8 --labels", 1500),
}
PATIENCE = 10  # seconds in which a signal must be heeded
HARMONIUM = [sys.executable, "-m", "harmonium"]


def words(kind: str, out: Path, steps: int = 0) -> list[str]:
    """Return the command that trains a kind, for its own number of updates unless another is given."""
    settings, length = KINDS[kind]
    fixed = ["--batch-size", "10", "--seed", "1", "--steps", str(steps or length)]
    return ["train", "digits", *settings.split(), *fixed, "--out", str(out), "--no-report"]


def often(command: list[str]) -> list[str]:
    """Return the process that runs a command and saves ten times a second."""
    return [*HARMONIUM, *command, "--save-every", "0.1"]


def untouched(kind: str, place: Path) -> tuple[bytes, float]:
    """Return the bytes of the model of a run that nobody kills, and the seconds that it took."""
    since = time.monotonic()
    subprocess.run(often(words(kind, place)), check=True, capture_output=True)
    return (place / "model.safetensors").read_bytes(), time.monotonic() - since


def survive(kind: str, place: Path, seconds: float, kills: int, seed: int, cut: signal.Signals = KILL) -> bytes:
    """Return the bytes of the model of a run that was cut so often, each time within ``seconds`` of its start."""
    chance, done = random.Random(seed), 0
    while True:
        resume = (place / "config.yaml").exists()
        command = ["train", "--resume", str(place), "--no-report"] if resume else words(kind, place)
        work = subprocess.Popen(often(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            _, told = work.communicate(timeout=chance.uniform(0.3, seconds) if done < kills else None)
        except subprocess.TimeoutExpired:
            work.send_signal(cut)
            said, told = work.communicate(timeout=PATIENCE)
            idle = said.startswith("run:") or not told  # it had done all, or nothing: the system's own exit will do
            if work.returncode not in (EXITS[cut], 0) and not (idle and work.returncode == -cut):
                line = f"{kind}, seed {seed}, exit {work.returncode} after {cut.name}: {told[-500:]}"
                raise RuntimeError(line) from None
            done += 1
            continue
        if work.returncode != 0:
            raise RuntimeError(f"{kind}, seed {seed}, after {done} kills: {told.strip()[-500:]}")
        if done >= kills:
            return (place / "model.safetensors").read_bytes()
        done += 1  # it ended before its kill: the next one goes on from a run that is done


def main() -> int:
    """Kill and count."""
    kills, name = (*sys.argv[1:], *("200", "SIGKILL")[len(sys.argv) - 1 :])
    cut = signal.Signals[name]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as workers:
        home = Path(folder)
        whole = {kind: untouched(kind, home / f"whole{i}") for i, kind in enumerate(KINDS)}
        kinds = [list(KINDS)[i % len(KINDS)] for i in range(-(-int(kills) // EACH))]

        def trial(i: int) -> bool:
            found = survive(kinds[i], home / f"run{i}", whole[kinds[i]][1], EACH, i, cut)
            print(f"{kinds[i]}: {'the same bytes' if found == whole[kinds[i]][0] else 'OTHER BYTES'}", flush=True)
            return found == whole[kinds[i]][0]

        same = sum(workers.map(trial, range(len(kinds))))
    print(f"{same * EACH} of {len(kinds) * EACH} {name} survived, to the byte")
    return 0 if same == len(kinds) else 1


if __name__ == "__main__":
    sys.exit(main())
