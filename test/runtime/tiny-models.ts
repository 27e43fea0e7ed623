import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";

/** Tiny ONNX models written by hand, so that these tests lean on nothing of ours but the runner. */

const elemTypes = { float32: 1, int32: 6, int64: 7, bool: 9 };

export interface Port {
  name: string;
  dtype?: keyof typeof elemTypes;
  /** Numbers are fixed dims, strings symbolic ones. */
  shape: (number | string)[];
}

/** Nodes as `[op, inputs, outputs]`, in order. */
export function model(
  name: string,
  nodes: [op: string, inputs: string[], outputs: string[]][],
  inputs: Port[],
  outputs: Port[],
): Uint8Array {
  const port = ({ name, dtype = "float32", shape }: Port) => ({
    name,
    type: {
      value: {
        case: "tensorType" as const,
        value: {
          elemType: elemTypes[dtype],
          shape: {
            dim: shape.map((dim) => ({
              value:
                typeof dim === "number"
                  ? { case: "dimValue" as const, value: BigInt(dim) }
                  : { case: "dimParam" as const, value: dim },
            })),
          },
        },
      },
    },
  });
  const proto = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name,
      node: nodes.map(([opType, input, output]) => ({ opType, input, output })),
      input: inputs.map(port),
      output: outputs.map(port),
    },
  });
  return toBinary(ModelProtoSchema, proto);
}

/** `y = x @ w`, x [n, 3], w [3, k]. */
export const product = model(
  "product",
  [["MatMul", ["x", "w"], ["y"]]],
  [
    { name: "x", shape: ["n", 3] },
    { name: "w", shape: [3, "k"] },
  ],
  [{ name: "y", shape: ["n", "k"] }],
);

/** `next = state + change`, `total = sum(next)`, of any length. */
export const step = model(
  "step",
  [
    ["Add", ["state", "change"], ["next"]],
    ["ReduceSum", ["next"], ["total"]],
  ],
  [
    { name: "state", shape: ["length"] },
    { name: "change", shape: ["length"] },
  ],
  [
    { name: "next", shape: ["length"] },
    { name: "total", shape: [1] },
  ],
);

/** `y = x * x * ... ` of `times` square matrix products: slow on demand. */
export function powers(times: number): Uint8Array {
  const nodes = Array.from({ length: times }, (_, i): [string, string[], string[]] => [
    "MatMul",
    [i === 0 ? "x" : `y${i - 1}`, "x"],
    [i === times - 1 ? "y" : `y${i}`],
  ]);
  return model("powers", nodes, [{ name: "x", shape: ["n", "n"] }], [{ name: "y", shape: ["n", "n"] }]);
}
