# A rank of torch.distributed over Gloo: waits for orders on standard input, answers with the median seconds of an operation.
# Reductions work in place only, so a copy of the input is made before, which is not timed.
import os
import sys
import time

import torch
import torch.distributed as dist

PERIOD = 251
TYPES = {"f32": torch.float32, "f64": torch.float64}


def pattern(count, start, times, plus, kind):
    block = torch.arange(PERIOD, dtype=kind) * times + plus
    return block.repeat(count // PERIOD + 2)[start % PERIOD:][:count]


rank, world, meeting = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
last, total = world - 1, world * (world + 1) // 2
os.environ["GLOO_SOCKET_IFNAME"] = "lo"
dist.init_process_group("gloo", init_method="file://" + meeting, rank=rank, world_size=world)


def send_receive(target):
    if rank == last:
        dist.send(target, 0)
    elif rank == 0:
        dist.recv(target, last)


# To rank 0, or from the last one: what is called with source, target and the blocks of both.
calls = {
    "all-reduce": lambda s, t, ss, ts: dist.all_reduce(t),
    "broadcast": lambda s, t, ss, ts: dist.broadcast(t, last),
    "reduce": lambda s, t, ss, ts: dist.reduce(t, 0),
    "all-gather": lambda s, t, ss, ts: dist.all_gather(ts, ss[rank]),
    "scatter": lambda s, t, ss, ts: dist.scatter(ts[0], ss if rank == last else None, last),
    "gather": lambda s, t, ss, ts: dist.gather(ss[rank], ts if rank == 0 else None, 0),
    "send-receive": lambda s, t, ss, ts: send_receive(t),
    "barrier": lambda s, t, ss, ts: dist.barrier(),
}


# What the beginning of the target holds after: elements, start, times and plus of stretches, one after another.
def results(name, count):
    block = count // world
    if name == "all-reduce" or (name == "reduce" and rank == 0):
        return [(count, 0, world, total)]
    if name == "broadcast" or (name == "send-receive" and rank == 0):
        return [(count, 0, 1, world)]
    if name == "scatter":
        return [(block, rank * block, 1, world)]
    if name == "all-gather" or (name == "gather" and rank == 0):
        return [(block, other * block, 1, other + 1) for other in range(world)]
    return []


held, source, target = None, None, None
print(f"ready {rank} {os.getpid()}", flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] != "go":
        break
    kind = TYPES[words[2]]
    count, iterations = int(words[3]) // torch.empty(0, dtype=kind).element_size(), int(words[4])
    if held != (count, kind):
        source = target = None
        source, target, held = pattern(count, 0, 1, rank + 1, kind), torch.empty(count, dtype=kind), (count, kind)
    run, sources, targets = calls[words[1]], *(list(whole.split(max(1, count // world))) for whole in (source, target))
    seconds = []
    for _ in range(iterations):
        target.copy_(source)
        dist.barrier()
        start = time.perf_counter()
        run(source, target, sources, targets)
        seconds.append(time.perf_counter() - start)
    place = 0
    for elements, *stretch in results(words[1], count):
        if not torch.equal(target[place:place + elements], pattern(elements, *stretch, kind)):
            sys.exit(f"rank {rank} holds a wrong result")
        place += elements
    seconds.sort()
    middle = len(seconds) // 2
    median = seconds[middle] if len(seconds) % 2 else (seconds[middle - 1] + seconds[middle]) / 2
    print(f"took {rank} {median!r}", flush=True)
