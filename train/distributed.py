"""Several processes that train one network: started by torchrun, or one process alone.

    torchrun --nproc-per-node 2 -m train fit --recipe ... --out ...

Every process takes its part of every batch; DistributedDataParallel averages the gradients.
"""

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together."""

    rank: int
    count: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this is the one process that writes and prints."""
        # One writes: several would leave each other's halves in a file.
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network, its gradients averaged over all processes."""
        # Alone there is nobody to average with.
        return DistributedDataParallel(network) if self.count > 1 else network

    def part(self, films: torch.Tensor) -> torch.Tensor:
        """This process's part of a batch."""
        # Every n-th, so that all get as many films, and none a stretch of its own kind.
        return films[self.rank :: self.count]

    def agree(self, value: float) -> float:
        """The leader's value, in every process; waits until all are here."""
        if self.count == 1:
            return value
        # In 64 bits: what is agreed on must be what was measured, to the last digit.
        shared = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.broadcast(shared, src=0)
        return float(shared)


def join_ranks() -> Ranks:
    """Join the processes that torchrun started, or be alone."""
    cuda = torch.cuda.is_available()
    torch.backends.cudnn.benchmark = cuda  # every batch of a phase has one shape: worth a search
    # torchrun says how many there are, and nothing else has to.
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Ranks(0, 1, torch.device("cuda" if cuda else "cpu"))
    # A cross-validation comes here once a fold, in the same process.
    if not dist.is_initialized():
        # One process scores films for all while the others wait.
        dist.init_process_group("nccl" if cuda else "gloo", timeout=timedelta(hours=2))
    # A GPU each; on processors they share the cores.
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
    return Ranks(dist.get_rank(), count, device)
