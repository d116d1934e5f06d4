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

gpu = torch.cuda.is_available()
device = "cuda" if gpu else "cpu"
start = {name: tensor.to(device) for name, tensor in read_start(sys.argv[1]).items()}
size = json.loads(sys.argv[2])
bf16 = sys.argv[3] == "bf16"
vocab, width, depth, heads, steps_in, batch = (
    size[key] for key in ("vocab", "width", "depth", "heads", "time", "batch")
)
head = width // heads


def weight(*names, rows=width):
    """Maps that read one operand are one product, as PyTorch users write them; a Linear holds [out, in]."""
    parts = [start[name].reshape(rows, -1) for name in names]
    return torch.nn.Parameter(torch.cat(parts, 1).t().contiguous())


def gain(name):
    return torch.nn.Parameter(start[name].clone())


table = torch.nn.Parameter(start["embedding.table"].clone())
final = gain("final.rms_norm.gain")
out = weight("logits.linear.w")
blocks = []
for i in range(1, depth + 1):
    attn, ffn = f"layer.{i}.attn", f"layer.{i}.ffn"
    blocks.append(
        {
            "norm1": gain(f"{attn}.rms_norm.gain"),
            "norm2": gain(f"{ffn}.rms_norm.gain"),
            "qkv": weight(f"{attn}.wq", f"{attn}.wk", f"{attn}.wv"),
            "o": weight(f"{attn}.wo"),
            "gate": weight(f"{ffn}.w_gate"),
            "up": weight(f"{ffn}.w_up"),
            "down": weight(f"{ffn}.w_down", rows=size["hidden"]),
        }
    )
parameters = [table, final, out] + [w for block in blocks for w in block.values()]
optimizer = torch.optim.AdamW(
    [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
    ],
    lr=1e-3,
    **({"fused": True} if gpu else {}),
)
frequencies = 10_000 ** (-torch.arange(0, head, 2, device=device) / head)
angles = torch.arange(steps_in, device=device)[:, None] * frequencies
cos, sin = angles.cos(), angles.sin()
tokens, targets = start["tokens"], start["targets"].reshape(-1).long()


def norm(x, g):
    x = x.float()
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * g


def rope(x):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


def attention(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    mask = torch.full((steps_in, steps_in), -1e9).triu(1)
    return (q @ k.transpose(-1, -2) * head**-0.5 + mask).softmax(-1) @ v


def loss_of():
    x = F.embedding(tokens, table)
    for b in blocks:
        qkv = F.linear(norm(x, b["norm1"]), b["qkv"]).view(batch, steps_in, 3, heads, head)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        seen = attention(rope(q), rope(k), v).transpose(1, 2).reshape(batch, steps_in, width)
        x = x + F.linear(seen, b["o"])
        h = norm(x, b["norm2"])
        x = x + F.linear(F.silu(F.linear(h, b["gate"])) * F.linear(h, b["up"]), b["down"])
    logits = F.linear(norm(x, final), out)
    return F.cross_entropy(logits.reshape(-1, vocab), targets)


forward = torch.compile(loss_of) if gpu else loss_of


def step():
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(device, dtype=torch.bfloat16) if bf16 else contextlib.nullcontext():
        loss = forward()
    loss.backward()
    optimizer.step()
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
