"""The LLaMA of the benchmark in PyTorch, as its users write it: what trains it on the CPU and on a GPU share."""

import torch
import torch.nn.functional as F


class Llama:
    """Weights from `start` on a device, its optimizer (AdamW with `options`), and the loss by an `attention` of (q, k, v)."""

    def __init__(self, start, size, attention, device="cpu", **options):
        self.start, self.size, self.attention = start, size, attention
        self.head = size["width"] // size["heads"]
        self.table = torch.nn.Parameter(start["embedding.table"].clone())
        self.final = self.gain("final.rms_norm.gain")
        self.out = self.weight("logits.linear.w")
        self.blocks = [self.block(i) for i in range(1, size["depth"] + 1)]
        parameters = [self.table, self.final, self.out] + [w for block in self.blocks for w in block.values()]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.1},
                {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
            ],
            lr=1e-3,
            **options,
        )
        frequencies = 10_000 ** (-torch.arange(0, self.head, 2, device=device) / self.head)
        angles = torch.arange(size["time"], device=device)[:, None] * frequencies
        self.cos, self.sin = angles.cos(), angles.sin()

    def block(self, i):
        attn, ffn = f"layer.{i}.attn", f"layer.{i}.ffn"
        return {
            "norm1": self.gain(f"{attn}.rms_norm.gain"),
            "norm2": self.gain(f"{ffn}.rms_norm.gain"),
            "qkv": self.weight(f"{attn}.wq", f"{attn}.wk", f"{attn}.wv"),
            "o": self.weight(f"{attn}.wo"),
            "gate": self.weight(f"{ffn}.w_gate"),
            "up": self.weight(f"{ffn}.w_up"),
            "down": self.weight(f"{ffn}.w_down", rows=self.size["hidden"]),
        }

    def weight(self, *names, rows=None):
        """Maps that read one operand are one product, as PyTorch users write them; a Linear holds [out, in]."""
        parts = [self.start[name].reshape(rows or self.size["width"], -1) for name in names]
        return torch.nn.Parameter(torch.cat(parts, 1).t().contiguous())

    def gain(self, name):
        return torch.nn.Parameter(self.start[name].clone())

    def rope(self, x):
        a, b = x.chunk(2, -1)
        return torch.cat([a * self.cos - b * self.sin, b * self.cos + a * self.sin], -1).to(x.dtype)

    def loss(self, tokens, targets):
        batch, time, width, heads = (self.size[key] for key in ("batch", "time", "width", "heads"))
        x = F.embedding(tokens, self.table)
        for b in self.blocks:
            qkv = F.linear(norm(x, b["norm1"]), b["qkv"]).view(batch, time, 3, heads, self.head)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            seen = self.attention(self.rope(q), self.rope(k), v).transpose(1, 2).reshape(batch, time, width)
            x = x + F.linear(seen, b["o"])
            h = norm(x, b["norm2"])
            x = x + F.linear(F.silu(F.linear(h, b["gate"])) * F.linear(h, b["up"]), b["down"])
        logits = F.linear(norm(x, self.final), self.out)
        return F.cross_entropy(logits.reshape(-1, self.size["vocab"]), targets)


def norm(x, g):
    x = x.float()
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * g


def written_out(size):
    """Causal attention without a function of PyTorch's for it, which older ones lack."""
    mask = torch.full((size["time"], size["time"]), -1e9).triu(1)

    def attention(q, k, v):
        return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + mask).softmax(-1) @ v

    return attention
