"""Several processes that train one run, as torchrun starts them: this process's place among them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..errors import InputError, WorkerLostError
from .config import TrainConfig

PATIENCE = timedelta(minutes=10)  # that a process waits for another
SHARED = ("pcd", "cd", "naive-mcmc", "exact")  # samplers whose chains can lie in several processes
PARENT = os.getppid()
SIGNATURE = ".torchrun"  # a file of the run


def several() -> bool:
    """Return whether torchrun started more than this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ["WORLD_SIZE"]) > 1


def leads() -> bool:
    """Return whether this process is the one that writes and prints."""
    return not several() or os.environ["RANK"] == "0"


def orphaned() -> bool:
    """Return whether the torchrun that started this process has gone."""
    return several() and os.getppid() != PARENT


def sign(home: Path) -> None:
    """Leave word that the processes of this torchrun began the run."""
    if several():
        (home / SIGNATURE).write_text(_signature())


def began(home: Path) -> bool:
    """Return whether the processes of this torchrun began the run, and were started again after one had died."""
    again = several() and os.environ["TORCHELASTIC_RESTART_COUNT"] != "0"
    return again and (home / SIGNATURE).is_file() and (home / SIGNATURE).read_text() == _signature()


def _signature() -> str:
    return f"{os.environ['TORCHELASTIC_RUN_ID']} {os.environ['MASTER_ADDR']} {PARENT}"


@contextmanager
def joined() -> Iterator[None]:
    """Within it, the processes of this run can reach each other."""
    if not several():
        yield
        return
    import torch
    import torch.distributed as group

    if os.environ["LOCAL_WORLD_SIZE"] == os.environ["WORLD_SIZE"]:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # one machine: nothing listens to others
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    size, rank = int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"])
    try:
        group.init_process_group(backend, store=_store(), rank=rank, world_size=size, timeout=PATIENCE)
    except RuntimeError as error:
        raise WorkerLostError(
            "the processes of this run did not find each other; start it again with --resume"
        ) from error
    try:
        yield
    finally:
        group.destroy_process_group()


def _store() -> Any:
    """Return where the processes leave word for each other: a new place after every restart, as old addresses stay."""
    from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

    hosts = leads() and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    word = f"harmonium {os.environ['TORCHELASTIC_RESTART_COUNT']}"
    return PrefixStore(word, TCPStore(*place, is_master=hosts, timeout=PATIENCE))


def wait() -> None:
    """Wait until all processes have come so far."""
    if several():
        from ..numerics import distributed

        distributed.largest(0.0)


def check_even(config: TrainConfig, rows: int, tuned: bool = False) -> None:
    """Raise `InputError` where the batches or chains of a run cannot lie in equal parts in all processes."""
    if not several():
        return
    if tuned:
        raise InputError("a fine-tuning goes on in one process: leave torchrun out")
    count = int(os.environ["WORLD_SIZE"])
    if config.sampler not in SHARED:
        raise InputError(
            f"--sampler {config.sampler} keeps its replicas in one process: pass pcd, or leave torchrun out"
        )
    for name, size in {"batch-size": min(config.batch_size, rows), "chains": config.chains or count}.items():
        if size % count:
            near = size - size % count
            fits = f"{near} or {near + count}" if near else str(count)
            raise InputError(f"--{name} {size} cannot be shared evenly by {count} processes: pass --{name} {fits}")
