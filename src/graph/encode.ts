/** Writes a graph as an ONNX model. Nodes that no output needs are left out. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import type { Attribute, Graph, GraphDType, GraphNode, Value } from "./graph.ts";

/**
 * The ONNX operator set that graphs are written in, and the file format version that goes with it; and the set of graphs
 * with an operator that came later, which only the CPU runs.
 */
const opset = 21;
const irVersion = 10n;
const laterOpset = 23;
const later: ReadonlySet<string> = new Set(["Attention"]);

/** The operators that are ONNX Runtime's own. */
const contributed: ReadonlySet<string> = new Set(["MatMulIntegerToFloat"]);
const contributedDomain = "com.microsoft";

const typeCode: Record<GraphDType, TensorProto_DataType> = {
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
  int8: TensorProto_DataType.INT8,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
};

/** The nodes that the graph's outputs need, in an order that can be run. */
export function neededNodes(graph: Graph): GraphNode[] {
  const needed = new Set<GraphNode>();
  const stack: Value[] = [...graph.outputs.values()];
  while (stack.length > 0) {
    const node = stack.pop()!.node;
    if (!node || needed.has(node)) continue;
    needed.add(node);
    for (const input of node.inputs) if (input) stack.push(input);
  }
  return graph.nodes.filter((node) => needed.has(node));
}

/** The model's bytes: every declared input and output, the needed nodes, and the constants they read. */
export function encode(graph: Graph): Uint8Array {
  if (graph.outputs.size === 0) throw new Error(`graph ${graph.name}: it has no outputs`);
  const nodes = neededNodes(graph);
  const nameOf = outputNaming(graph);
  const protos: NodeProto[] = nodes.map((node, index) => encodeNode(node, index, nameOf));
  const constants = new Set<Value>();
  const note = (value: Value | null): void => {
    if (value?.data) constants.add(value);
  };
  for (const node of nodes) node.inputs.forEach(note);
  const outputs: ValueInfoProto[] = [];
  for (const [name, value] of graph.outputs) {
    note(value);
    const made = nameOf(value);
    if (made !== name) {
      protos.push(create(NodeProtoSchema, { opType: "Identity", input: [made], output: [name], name }));
    }
    outputs.push(describe(name, value));
  }
  const proto: GraphProto = create(GraphProtoSchema, {
    name: graph.name,
    node: protos,
    input: [...graph.inputs].map(([name, value]) => describe(name, value)),
    output: outputs,
    valueInfo: openValues(nodes, graph).map((value) => describe(nameOf(value), value)),
    initializer: [...constants].map((value) =>
      create(TensorProtoSchema, {
        name: value.name,
        dataType: typeCode[value.dtype],
        dims: value.shape.map((dim) => BigInt(dim as number)),
        rawData: bytesOf(value),
      }),
    ),
  });
  const model = create(ModelProtoSchema, {
    irVersion,
    producerName: "magnets",
    opsetImport: [
      create(OperatorSetIdProtoSchema, {
        domain: "",
        version: BigInt(nodes.some(({ op }) => later.has(op)) ? laterOpset : opset),
      }),
      ...(nodes.some(({ op }) => contributed.has(op))
        ? [create(OperatorSetIdProtoSchema, { domain: contributedDomain, version: 1n })]
        : []),
    ],
    graph: proto,
  });
  return toBinary(ModelProtoSchema, model);
}

/**
 * What nodes make for each other with an open extent. The runtime cannot work out products such as 2*B; untold, it would
 * look through all buffers for each of these values and then find none to use again, which takes time by the square
 * of the number of nodes, and memory.
 */
function openValues(nodes: readonly GraphNode[], graph: Graph): Value[] {
  const outward = new Set(graph.outputs.values());
  const made = nodes.flatMap((node) => node.outputs);
  return made.filter((value) => !outward.has(value) && value.shape.some((dim) => typeof dim === "string"));
}

function bytesOf(value: Value): Uint8Array<ArrayBuffer> {
  const { data } = value.data!;
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

/**
 * The name of each value in the model: its first name as an output, if a node made it, or else its own. What is
 * named twice, an input or a constant needs an Identity, which copies it.
 */
function outputNaming(graph: Graph): (value: Value) => string {
  const names = new Map<Value, string>();
  for (const [name, value] of graph.outputs) {
    if (value.node && !names.has(value)) names.set(value, name);
  }
  return (value) => names.get(value) ?? value.name;
}

function encodeNode(node: GraphNode, index: number, nameOf: (value: Value) => string): NodeProto {
  return create(NodeProtoSchema, {
    name: `${node.op}_${index}`,
    opType: node.op,
    domain: contributed.has(node.op) ? contributedDomain : "",
    input: inputNames(node, nameOf),
    output: node.outputs.map(nameOf),
    attribute: Object.entries(node.attributes).map(([name, value]) => encodeAttribute(name, value)),
  });
}

/** Absent optional inputs are empty names, left out at the end: an empty last one ends the process on WebGPU. */
function inputNames({ inputs }: GraphNode, nameOf: (value: Value) => string): string[] {
  const last = inputs.findLastIndex((input) => input !== null);
  return inputs.slice(0, last + 1).map((input) => (input ? nameOf(input) : ""));
}

function encodeAttribute(name: string, value: Attribute) {
  const type = AttributeProto_AttributeType;
  if (typeof value === "number")
    return create(AttributeProtoSchema, { name, type: type.INT, i: BigInt(value) });
  if (typeof value === "string") {
    return create(AttributeProtoSchema, { name, type: type.STRING, s: new TextEncoder().encode(value) });
  }
  if ("float" in value) return create(AttributeProtoSchema, { name, type: type.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: type.INTS, ints: value.map((item) => BigInt(item)) });
}

function describe(name: string, value: Value): ValueInfoProto {
  const dims = value.shape.map((dim) =>
    create(TensorShapeProto_DimensionSchema, {
      value:
        typeof dim === "number"
          ? { case: "dimValue", value: BigInt(dim) }
          : { case: "dimParam", value: dim.replaceAll("*", "_x_") },
    }),
  );
  const tensor = create(TypeProto_TensorSchema, {
    elemType: typeCode[value.dtype],
    shape: create(TensorShapeProtoSchema, { dim: dims }),
  });
  const type = create(TypeProtoSchema, { value: { case: "tensorType", value: tensor } });
  return create(ValueInfoProtoSchema, { name, type });
}
