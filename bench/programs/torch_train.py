"""PyTorch on a GPU: `python3 torch_train.py START SIZE PRECISION`. The same lines go both ways as in serve.ts.

The step is one that a user of PyTorch would write: torch.compile, scaled_dot_product_attention, fused AdamW, and for bf16 autocast
over weights in float32. Without a GPU it runs on the processor, uncompiled, for a try.
"""

import time

BEGAN = time.perf_counter()

import contextlib  # noqa: E402
import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

sys.dont_write_bytecode = True
from start_file import read_start  # noqa: E402
from torch_llama import Llama, written_out  # noqa: E402

gpu = torch.cuda.is_available()
device = "cuda" if gpu else "cpu"
start = {name: tensor.to(device) for name, tensor in read_start(sys.argv[1]).items()}
size = json.loads(sys.argv[2])
bf16 = sys.argv[3] == "bf16"


def fused(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


attention = fused if hasattr(F, "scaled_dot_product_attention") else written_out(size)
model = Llama(start, size, attention, device, **({"fused": True} if gpu else {}))
tokens, targets = start["tokens"], start["targets"].reshape(-1).long()
forward = torch.compile(model.loss) if gpu else model.loss


def step():
    model.optimizer.zero_grad(set_to_none=True)
    with torch.autocast(device, dtype=torch.bfloat16) if bf16 else contextlib.nullcontext():
        loss = forward(tokens, targets)
    loss.backward()
    model.optimizer.step()
    return loss.detach()


for line in sys.stdin:
    count = json.loads(line)["steps"]
    began = time.perf_counter()
    # The losses are fetched at the end, which waits for all steps.
    losses = torch.stack([step() for _ in range(count)]).float().tolist()
    each = (time.perf_counter() - began) * 1e3 / count
    answer = {
        "ms": [each] * count,
        "encodeMs": [],
        "losses": losses,
        "sinceStartMs": (time.perf_counter() - BEGAN) * 1e3,
        "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "gpuPeakBytes": torch.cuda.max_memory_allocated() if gpu else 0,
    }
    print(json.dumps(answer), flush=True)
