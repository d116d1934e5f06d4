"""How far PyTorch is from the float64 values of the oracle cases when it computes in bf16: writes torch_bf16.json beside itself.

The models are the plain ones of model.json, with weights in float32 and matrix products, attention included, in bfloat16, as
torch.autocast on a CPU does it. Run with a python3 that has torch and numpy: `python3 spec/oracle/torch_bf16.py`. Measures are those of
spec/oracle.test.ts: the loss relative, logits by the largest difference over the largest logit, gradients by the Euclidean
distance of a tensor over its norm, or over 1e-4 of the norm of all where that is more.
"""

import json
import math
import struct
from pathlib import Path

import numpy
import torch
from torch.nn import functional

HERE = Path(__file__).parent
CASES = ["preln", "lns", "postln", "deepnorm", "gpt2"]
TYPES = {"F32": numpy.float32, "I32": numpy.int32}


def read(path):
    """The tensors of a safetensors file, by name."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8 : 8 + size])
    tensors = {}
    for name, entry in head.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[8 + size + begin : 8 + size + end], TYPES[entry["dtype"]])
        tensors[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return tensors


class Model:
    """The logits of a case, by the equations of its model.json."""

    def __init__(self, model, weights):
        self.model, self.weights = model, weights

    def norm(self, x, name):
        gain, bias = self.weights[f"{name}.gain"], self.weights.get(f"{name}.bias")
        eps = self.model["norm"]["eps"]
        if self.model["norm"]["kind"] == "layer":
            return functional.layer_norm(x, x.shape[-1:], gain, bias, eps)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * gain

    def linear(self, x, name, bias):
        y = x @ self.weights[name]
        return y + self.weights[bias] if bias in self.weights else y

    def rotate(self, x):
        position = self.model["position"]
        if position["kind"] != "rope":
            return x
        half = x.shape[-1] // 2
        angle = torch.arange(x.shape[-2])[:, None] * position["base"] ** (-torch.arange(half) / half)
        cos, sin = angle.cos(), angle.sin()
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def attention(self, x, block):
        dims, name = self.model["dims"], f"{block}.attn"
        batch, time, _ = x.shape

        def heads(of):
            y = self.linear(x, f"{name}.w{of}", f"{name}.b{of}")
            return y.view(batch, time, dims["heads"], dims["head"]).transpose(1, 2)

        q, k, v = self.rotate(heads("q")), self.rotate(heads("k")), heads("v")
        scores = q @ k.transpose(-1, -2) * self.model["attention"]["scale"]
        unseen = torch.ones(time, time, dtype=torch.bool).triu(1)
        o = scores.masked_fill(unseen, -math.inf).softmax(-1) @ v
        return self.linear(o.transpose(1, 2).reshape(batch, time, -1), f"{name}.wo", f"{name}.bo")

    def ffn(self, x, block):
        name = f"{block}.ffn"
        if self.model["ffn"]["activation"] == "swiglu":
            gate, up = x @ self.weights[f"{name}.w_gate"], x @ self.weights[f"{name}.w_up"]
            return functional.silu(gate) * up @ self.weights[f"{name}.w_down"]
        h = functional.gelu(self.linear(x, f"{name}.w_in", f"{name}.b_in"), approximate="tanh")
        return self.linear(h, f"{name}.w_out", f"{name}.b_out")

    def logits(self, tokens):
        x = self.weights["embed.tokens"][tokens]
        if "embed.positions" in self.weights:
            x = x + self.weights["embed.positions"][: tokens.shape[1]]
        placement = self.model["placement"]
        constants = {
            # Lists are counted from 1.
            name: dict(enumerate(value, 1)) if isinstance(value, list) else value
            for name, value in placement["constants"].items()
        }
        for layer in range(1, self.model["dims"]["depth"] + 1):
            block = f"blocks.{layer}"
            names = {
                "x": x,
                "l": layer,
                "N1": lambda y, block=block: self.norm(y, f"{block}.norm1"),
                "N2": lambda y, block=block: self.norm(y, f"{block}.norm2"),
                "Attn": lambda y, block=block: self.attention(y, block),
                "FFN": lambda y, block=block: self.ffn(y, block),
                **constants,
            }
            for equation in placement["equations"]:
                exec(equation, {}, names)
            x = names["x"]
        if placement["final_norm"]:
            x = self.norm(x, "final_norm")
        head = self.weights["embed.tokens"].T if self.model["head"]["tied"] else self.weights["head.weight"]
        return x @ head


def distance(found, expected, floor=0.0):
    found, expected = found.double(), expected.double()
    return ((found - expected).norm() / max(float(expected.norm()), floor)).item()


def forward(case, weights, batch, autocast):
    """Logits and loss of a case."""
    model = json.loads((HERE / case / "model.json").read_text())
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        logits = Model(model, weights).logits(batch["tokens"].long())
        wide = logits.float() if logits.dtype == torch.bfloat16 else logits
        return logits, functional.cross_entropy(wide.flatten(0, 1), batch["targets"].long().flatten())


def measure(case, autocast):
    """The distances of one case, and which gradient is farthest."""
    weights = {n: t.requires_grad_() for n, t in read(HERE / case / "weights.safetensors").items()}
    batch, expected = read(HERE / case / "batch.safetensors"), read(HERE / case / "expected.safetensors")
    logits, loss = forward(case, weights, batch, autocast)
    loss.backward()
    floor = 1e-4 * expected["grad_norm"].item()
    gradients = {n: distance(w.grad, expected[f"grad.{n}"], floor) for n, w in weights.items()}
    worst = max(gradients, key=gradients.get)
    largest = expected["logits"].abs().max()
    return {
        "loss": abs(loss.item() / expected["loss"].item() - 1),
        "logits": ((logits.float() - expected["logits"]).abs().max() / largest).item(),
        "worst": worst,
        "gradients": gradients,
    }


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for case in CASES:
        exact = measure(case, autocast=False)
        # The same model in float32: that it is the case's.
        assert exact["logits"] < 5e-5 and exact["gradients"][exact["worst"]] < 5e-4, (case, exact)
    figures = {case: measure(case, autocast=True) for case in CASES}
    result = {"torch": torch.__version__, "precision": "autocast on the CPU to bfloat16", "cases": figures}
    (HERE / "torch_bf16.json").write_text(json.dumps(result, indent=2) + "\n")
    for case, found in figures.items():
        print(case, {k: v for k, v in found.items() if k != "gradients"}, found["gradients"][found["worst"]])


if __name__ == "__main__":
    main()
