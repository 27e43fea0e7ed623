/** A step graph's model as a Loop of n steps in one run: what a device whose outputs return to the host needs. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { shapeOfPort } from "../src/core/shape-port.ts";

const code = { float32: 1, uint8: 2, int64: 7, bool: 9 };

export interface LoopModel {
  readonly model: Uint8Array;
  /** Inputs that are fed as `all/NAME`, [n, ...]. */
  readonly batch: readonly string[];
  /** Inputs of shapes, fed under their own names. */
  readonly shapes: readonly string[];
}

/**
 * @param states   the names of carried inputs, whose next values are the outputs `next/NAME`; fed as `state/NAME`, and
 *                 returned as `last/NAME`
 * @param scans    other outputs that are wanted of every step, as `each/NAME`
 * @param bytes8   inputs that come as bytes and are divided by 255
 * @param symbols  the extents of symbolic dims
 */
export function loopModel(
  bytes: Uint8Array,
  n: number,
  {
    states,
    scans,
    bytes8 = [],
    symbols = new Map(),
  }: {
    states: readonly string[];
    scans: readonly string[];
    bytes8?: readonly string[];
    symbols?: ReadonlyMap<string, number>;
  },
): LoopModel {
  const model = fromBinary(ModelProtoSchema, bytes);
  const g = model.graph!;
  const isState = new Set(states);
  const stateIn = g.input.filter(({ name }) => isState.has(name));
  const others = g.input.filter(({ name }) => !isState.has(name));
  const shapes = others.filter(({ name }) => shapeOfPort(name));
  const batch = others.filter(({ name }) => !shapeOfPort(name));
  const node = (opType: string, input: string[], output: string[], attribute: never[] = []) =>
    create(NodeProtoSchema, { opType, input, output, name: `${opType} ${output[0]}`, attribute });
  const info = (name: string, elemType: number, dims: readonly bigint[]): ValueInfoProto =>
    create(ValueInfoProtoSchema, {
      name,
      type: create(TypeProtoSchema, {
        value: {
          case: "tensorType",
          value: create(TypeProto_TensorSchema, {
            elemType,
            shape: create(TensorShapeProtoSchema, {
              dim: dims.map((value) =>
                create(TensorShapeProto_DimensionSchema, { value: { case: "dimValue", value } }),
              ),
            }),
          }),
        },
      }),
    });
  const like = (of: ValueInfoProto, name: string, lead?: number): ValueInfoProto => {
    const type = of.type!.value.value as {
      elemType: number;
      shape: { dim: { value: { case?: string; value?: unknown } }[] };
    };
    const dims = type.shape.dim.map(({ value }) =>
      value.case === "dimParam" ? BigInt(symbols.get(value.value as string)!) : (value.value as bigint),
    );
    const elemType = bytes8.includes(of.name) ? code.uint8 : type.elemType;
    return info(name, elemType, lead === undefined ? dims : [BigInt(lead), ...dims]);
  };
  const picks = batch.flatMap(({ name }) => {
    if (!bytes8.includes(name)) return [node("Gather", [`all/${name}`, "iter"], [name])];
    const cast = create(AttributeProtoSchema, {
      name: "to",
      type: AttributeProto_AttributeType.INT,
      i: BigInt(code.float32),
    });
    return [
      node("Gather", [`all/${name}`, "iter"], [`bytes/${name}`]),
      node("Cast", [`bytes/${name}`], [`numbers/${name}`], [cast as never]),
      node("Mul", [`numbers/${name}`, "per byte"], [name]),
    ];
  });
  const outOf = (name: string): ValueInfoProto => g.output.find((output) => output.name === name)!;
  const constant = (name: string, dataType: number, data: ArrayBuffer) =>
    create(TensorProtoSchema, { name, dataType, dims: [], rawData: new Uint8Array(data) });
  const body = create(GraphProtoSchema, {
    name: "step",
    node: [...picks, node("Identity", ["cond"], ["cond_out"]), ...g.node],
    initializer: [...g.initializer, constant("per byte", code.float32, Float32Array.of(1 / 255).buffer)],
    input: [info("iter", code.int64, []), info("cond", code.bool, []), ...stateIn],
    output: [
      info("cond_out", code.bool, []),
      ...stateIn.map(({ name }) => outOf(`next/${name}`)),
      ...scans.map(outOf),
    ],
  });
  const loop = create(NodeProtoSchema, {
    opType: "Loop",
    name: "steps",
    input: ["n", "yes", ...stateIn.map(({ name }) => `state/${name}`)],
    output: [...stateIn.map(({ name }) => `last/${name}`), ...scans.map((name) => `each/${name}`)],
    attribute: [
      create(AttributeProtoSchema, { name: "body", type: AttributeProto_AttributeType.GRAPH, g: body }),
    ],
  });
  const outer = create(GraphProtoSchema, {
    name: "loop",
    node: [loop],
    initializer: [
      constant("n", code.int64, BigInt64Array.of(BigInt(n)).buffer),
      constant("yes", code.bool, Uint8Array.of(1).buffer),
    ],
    input: [
      ...stateIn.map((input) => like(input, `state/${input.name}`)),
      ...batch.map((input) => like(input, `all/${input.name}`, n)),
      ...shapes,
    ],
    output: [
      ...stateIn.map((input) => like(input, `last/${input.name}`)),
      ...scans.map((name) => like(outOf(name), `each/${name}`, n)),
    ],
  });
  return {
    model: toBinary(ModelProtoSchema, create(ModelProtoSchema, { ...model, graph: outer } as never)),
    batch: batch.map(({ name }) => name),
    shapes: shapes.map(({ name }) => name),
  };
}
