"""Reads the safetensors file that all programs start from."""

import json
import struct

import torch

DTYPES = {"F32": torch.float32, "I32": torch.int32}


def read_start(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, about in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in about["data_offsets"])
        values = torch.frombuffer(bytearray(data[begin:end]), dtype=DTYPES[about["dtype"]])
        tensors[name] = values.reshape(about["shape"])
    return tensors
