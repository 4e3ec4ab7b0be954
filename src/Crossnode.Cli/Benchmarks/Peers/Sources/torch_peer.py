# A rank of torch.distributed over Gloo: waits for orders on standard input, answers with the median seconds of an operation.
# All-reduce works in place only, so out of place a copy of the input is made before, which is not timed.
import os
import sys
import time

import torch
import torch.distributed as dist

PERIOD = 251
TYPES = {"f32": torch.float32, "f64": torch.float64}


def pattern(count, times, plus, kind):
    block = torch.arange(PERIOD, dtype=kind) * times + plus
    return block.repeat(count // PERIOD + 1)[:count]


rank, world, meeting = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
os.environ["GLOO_SOCKET_IFNAME"] = "lo"
dist.init_process_group("gloo", init_method="file://" + meeting, rank=rank, world_size=world)
operations = {
    "all-reduce": (dist.all_reduce, world, world * (world + 1) // 2),
    "broadcast": (lambda target: dist.broadcast(target, world - 1), 1, world),
    "barrier": (lambda target: dist.barrier(), 1, rank + 1),
}
held, source, target = None, None, None
print(f"ready {rank} {os.getpid()}", flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] != "go":
        break
    run, times, plus = operations[words[1]]
    kind = TYPES[words[2]]
    count, iterations = int(words[3]) // torch.empty(0, dtype=kind).element_size(), int(words[4])
    if held != (count, kind):
        source = target = None
        source, target, held = pattern(count, 1, rank + 1, kind), torch.empty(count, dtype=kind), (count, kind)
    seconds = []
    for _ in range(iterations):
        target.copy_(source)
        dist.barrier()
        start = time.perf_counter()
        run(target)
        seconds.append(time.perf_counter() - start)
    if not torch.equal(target, pattern(count, times, plus, kind)):
        sys.exit(f"rank {rank} holds a wrong result")
    seconds.sort()
    middle = len(seconds) // 2
    median = seconds[middle] if len(seconds) % 2 else (seconds[middle - 1] + seconds[middle]) / 2
    print(f"took {rank} {median!r}", flush=True)
