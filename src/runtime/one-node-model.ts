/** The graphs of one operation by which stored tensors move within and out of a GPU. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import type { bytesPerElement } from "../core/tensor.ts";

// TensorProto.DataType of onnx.proto.
const onnxType: Record<keyof typeof bytesPerElement, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
};

/** What the operations take besides x: names, and whether they are indices or of x's type. */
const indexPorts = {
  Identity: {},
  Slice: { start: "int64", end: "int64" },
  ScatterND: { indices: "int64", rows: "same" },
} as const;

export type MovingOp = keyof typeof indexPorts;

/** A model of one node, `out = Identity(x)`, `Slice(x, start, end)` or `ScatterND(x, indices, rows)`, of any rank. */
export function oneNodeModel(op: MovingOp, dtype: string): Uint8Array {
  const port = (name: string, elemType: number) => ({
    name,
    type: { value: { case: "tensorType" as const, value: { elemType } } },
  });
  const type = onnxType[dtype as keyof typeof onnxType];
  const others = Object.entries(indexPorts[op]);
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: `${op} of ${dtype}`,
      node: [{ opType: op, input: ["x", ...others.map(([name]) => name)], output: ["out"] }],
      input: [
        port("x", type),
        ...others.map(([name, kind]) => port(name, kind === "same" ? type : onnxType.int64)),
      ],
      output: [port("out", type)],
    },
  });
  return toBinary(ModelProtoSchema, model);
}
