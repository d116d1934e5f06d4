"""Single functions of PyTorch on a GPU, as JSON: `python3 torch_micro.py '{"products": [[m, n, k]], "attention": {...}, "copy": bytes}'`.

Products are torch.matmul in bf16, which is cuBLASLt; attention is scaled_dot_product_attention, forward and backward, causal. Times are
medians in ms, by CUDA events, of runs behind a warm-up.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F

gpu = torch.cuda.is_available()
device = "cuda" if gpu else "cpu"
dtype = torch.bfloat16 if gpu else torch.float32
ROUNDS = 20 if gpu else 3


def milliseconds(work):
    for _ in range(3):
        work()
    times = []
    for _ in range(ROUNDS):
        if gpu:
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            work()
            end.record()
            torch.cuda.synchronize()
            times.append(begin.elapsed_time(end))
        else:
            began = time.perf_counter()
            work()
            times.append((time.perf_counter() - began) * 1e3)
    return sorted(times)[len(times) // 2]


def random(*shape):
    return torch.randn(*shape, device=device, dtype=dtype)


def product(rows, columns, inner):
    a, b = random(rows, inner), random(inner, columns)
    return {"shape": [rows, columns, inner], "ms": milliseconds(lambda: a @ b)}


def attention(batch, heads, time, head):
    if not hasattr(F, "scaled_dot_product_attention"):
        return None
    q, k, v = (random(batch, heads, time, head).requires_grad_() for _ in range(3))
    upstream = random(batch, heads, time, head)
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def forward():
        with torch.no_grad():
            F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def backward():
        torch.autograd.grad(out, (q, k, v), upstream, retain_graph=True)

    return {"forward_ms": milliseconds(forward), "backward_ms": milliseconds(backward)}


def copy(count):
    source = torch.randn(count // 4, device=device)
    target = torch.empty_like(source)
    return 2 * count / milliseconds(lambda: target.copy_(source)) * 1e3


asked = json.loads(sys.argv[1])
print(
    json.dumps(
        {
            "torch": torch.__version__,
            "device": torch.cuda.get_device_name() if gpu else "processor",
            "products": [product(*shape) for shape in asked["products"]],
            "attention": attention(**asked["attention"]),
            "copy_bytes_per_second": copy(asked["copy"]),
        }
    )
)
