"""The losses of the oracle cases on random batches, in float64 and as PyTorch computes them in bf16: writes losses.safetensors beside itself.

One loss is one number in which errors of both signs cancel, more or less by chance; how accurate losses are is seen over many batches.
The models are those of torch_bf16.py, and so is what is needed to run this: `python3 spec/oracle/torch_losses.py`. The file holds
`tokens` and `targets` [BATCHES, batch, time], the same for all cases, and of each case `CASE.float64` and `CASE.bf16` [BATCHES].
"""

import json
import struct

import torch

from torch_bf16 import CASES, HERE, TYPES, forward, read

BATCHES = 32


def write(path, tensors):
    """Writes a safetensors file, as `read` reads it; float64 is rounded to float32."""
    names = {kind: name for name, kind in TYPES.items()}
    arrays = {n: t.float().numpy() if t.is_floating_point() else t.int().numpy() for n, t in tensors.items()}
    head, at = {}, 0
    for name, array in arrays.items():
        entry = {"dtype": names[array.dtype.type], "shape": array.shape, "data_offsets": [at, at + array.nbytes]}
        head[name], at = entry, at + array.nbytes
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in arrays.values()))


def losses(case, batches, type, autocast):
    torch.set_default_dtype(type)
    weights = {n: t.to(type) for n, t in read(HERE / case / "weights.safetensors").items()}
    with torch.no_grad():
        found = [forward(case, weights, batch, autocast)[1].item() for batch in batches]
    torch.set_default_dtype(torch.float32)
    return torch.tensor(found, dtype=torch.float64)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    dims = json.loads((HERE / CASES[0] / "model.json").read_text())["dims"]
    texts = torch.randint(dims["vocab"], (BATCHES, dims["batch"], dims["time"] + 1))
    tensors = {"tokens": texts[..., :-1], "targets": texts[..., 1:]}
    batches = [{name: tensors[name][k] for name in tensors} for k in range(BATCHES)]
    for case in CASES:
        own, expected = read(HERE / case / "batch.safetensors"), read(HERE / case / "expected.safetensors")
        # The model in float64: that it is the case's.
        assert (losses(case, [own], torch.float64, False) / expected["loss"] - 1).abs() < 1e-6, case
        exact = losses(case, batches, torch.float64, False)
        bf16 = losses(case, batches, torch.float32, True)
        tensors |= {f"{case}.float64": exact, f"{case}.bf16": bf16}
        off = bf16 / exact - 1
        print(case, {"rms": off.square().mean().sqrt().item(), "mean": off.mean().item(), "largest": off.abs().max().item()})
    write(HERE / "losses.safetensors", tensors)


main()
