"""PyTorch on the CPU: `python3 torch_step.py START SIZE`. The same lines go both ways as in serve.ts."""

import time

BEGAN = time.perf_counter()

import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402

import torch  # noqa: E402

sys.dont_write_bytecode = True
from start_file import read_start  # noqa: E402
from torch_llama import Llama, written_out  # noqa: E402

torch.set_num_threads(1)
start = read_start(sys.argv[1])
size = json.loads(sys.argv[2])
model = Llama(start, size, written_out(size))
tokens, targets = start["tokens"], start["targets"].reshape(-1).long()


def step():
    model.optimizer.zero_grad(set_to_none=True)
    loss = model.loss(tokens, targets)
    loss.backward()
    model.optimizer.step()
    return loss.item()


for line in sys.stdin:
    times, losses = [], []
    for _ in range(json.loads(line)["steps"]):
        began = time.perf_counter()
        losses.append(step())
        times.append((time.perf_counter() - began) * 1e3)
    answer = {
        "ms": times,
        "encodeMs": [],
        "losses": losses,
        "sinceStartMs": (time.perf_counter() - BEGAN) * 1e3,
        "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(answer), flush=True)
