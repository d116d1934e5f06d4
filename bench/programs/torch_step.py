"""PyTorch on the CPU: `python3 torch_step.py START SIZE`. The same lines go both ways as in serve.ts."""

import time

BEGAN = time.perf_counter()

import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

sys.dont_write_bytecode = True
from start_file import read_start  # noqa: E402

torch.set_num_threads(1)
start = read_start(sys.argv[1])
size = json.loads(sys.argv[2])
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
)
frequencies = 10_000 ** (-torch.arange(0, head, 2) / head)
angles = torch.arange(steps_in)[:, None] * frequencies
cos, sin = angles.cos(), angles.sin()
mask = torch.full((steps_in, steps_in), -1e9).triu(1)


def norm(x, g):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * g


def rope(x):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def loss_of(tokens, targets):
    x = F.embedding(tokens, table)
    for b in blocks:
        qkv = F.linear(norm(x, b["norm1"]), b["qkv"]).view(batch, steps_in, 3, heads, head)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        scores = (rope(q) @ rope(k).transpose(-1, -2)) * head**-0.5 + mask
        seen = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, steps_in, width)
        x = x + F.linear(seen, b["o"])
        h = norm(x, b["norm2"])
        x = x + F.linear(F.silu(F.linear(h, b["gate"])) * F.linear(h, b["up"]), b["down"])
    logits = F.linear(norm(x, final), out)
    return F.cross_entropy(logits.reshape(-1, vocab), targets.reshape(-1).long())


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of(start["tokens"], start["targets"])
    loss.backward()
    optimizer.step()
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
