# The peer of the all-reduce benchmark: torch.distributed over Gloo, out of place as Crossnode runs it there (a copy of
# the input is not timed). Waits for a line on stdin, then prints the median seconds of one operation.
import os
import sys
import time

import torch
import torch.distributed as dist

rank, world, port, count, iterations = (int(value) for value in sys.argv[1:6])
torch.set_num_threads(1)
os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
dist.init_process_group("gloo", rank=rank, world_size=world)
source = torch.full((count,), float(rank + 1))
target = torch.empty_like(source)
print("ready", flush=True)
for _ in sys.stdin:
    times = []
    for _ in range(iterations):
        target.copy_(source)
        dist.barrier()
        start = time.perf_counter()
        dist.all_reduce(target)
        times.append(time.perf_counter() - start)
    expected = world * (world + 1) / 2
    if float(target[0]) != expected or float(target[-1]) != expected:
        print("wrong", flush=True)
        sys.exit(3)
    print(sorted(times)[len(times) // 2], flush=True)
