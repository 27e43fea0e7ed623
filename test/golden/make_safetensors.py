"""Writes tiny.safetensors from the format's description alone (json and struct, no library).

    python3 test/golden/make_safetensors.py test/golden/tiny.safetensors

With --read it prints a file's metadata, tensors and values as JSON instead, so that files written elsewhere can be
checked by a second program.
"""
import json
import struct
import sys

CODES = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I32": "i", "U16": "H", "U8": "B", "BOOL": "?"}


def pack(dtype, values):
    if dtype == "BF16":  # the upper half of a float32; the values below need no rounding
        return b"".join(struct.pack("<f", v)[2:] for v in values)
    return struct.pack("<%d%s" % (len(values), CODES[dtype]), *values)


def write(path):
    tensors = [
        ("double", "F64", [2], [0.1, -1e300]),
        ("long", "I64", [1, 2], [-(2**63), 2**53 + 1]),
        ("block.0.weight", "F32", [2, 3], [1, -2, 0.5, 0.25, 3e38, -0.0]),
        ("count", "I32", [], [-7]),
        ("nothing", "F32", [0, 4], []),
        ("half", "F16", [4], [1, -65504, 2**-24, float("inf")]),
        ("brain", "BF16", [3], [1, -3.140625, 2.0**-133]),
        ("ids", "U16", [2, 2], [0, 1, 65535, 256]),
        ("bytes", "U8", [3], [0, 128, 255]),
        ("flags", "BOOL", [2], [True, False]),
    ]
    header = {"__metadata__": {"format": "pt", "note": "gr\u00fcn"}}
    data = b""
    for name, dtype, shape, values in tensors:
        packed = pack(dtype, values)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack_from("<Q", content)
    assert length % 8 == 0, length
    pairs = json.loads(content[8 : 8 + length], object_pairs_hook=list)
    order = [name for name, _ in pairs]
    header = {name: dict(entry) for name, entry in pairs}
    metadata = header.pop("__metadata__", {})
    data = content[8 + length :]
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        code = CODES[entry["dtype"]]
        count = (end - begin) // struct.calcsize(code)
        values = struct.unpack_from("<%d%s" % (count, code), data, begin)
        # repr keeps what JSON's numbers cannot: int64 and infinities.
        tensors[name] = {"dtype": entry["dtype"], "shape": entry["shape"], "values": [repr(v) for v in values]}
    print(json.dumps({"metadata": metadata, "order": order, "tensors": tensors}))


if __name__ == "__main__":
    read(sys.argv[2]) if sys.argv[1] == "--read" else write(sys.argv[1])
