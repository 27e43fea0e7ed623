/** Writes a graph as an ONNX model. Nodes that no output needs are left out. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { shapeOfPort } from "../core/shape-port.ts";
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
  const { nodes, constants, open } = encodeNodes(graph, "");
  return encodeModel(graph, {
    name: graph.name,
    node: nodes,
    input: [...graph.inputs].map(([name, value]) => describe(name, value)),
    output: [...graph.outputs].map(([name, value]) => describe(name, value)),
    valueInfo: open,
    initializer: constants,
  });
}

/** What is in a graph that {@link encodeSteps} writes, beside its own names. */
export const stepCount = "steps";

/**
 * The model that runs the graph several times, each time from what the last one made: an ONNX Loop.
 *
 * Its inputs are the graph's: those carried as they are, and of every other one for all steps, with the steps as
 * the first axis; and `steps`, how many those are (int64, []). Its outputs are the graph's: those carried as the last
 * step leaves them, and every other one of all steps.
 *
 * @param carried  inputs, each with the output that is its next value
 * @throws when a carried input or output is not the graph's, or the graph takes shapes as inputs
 */
export function encodeSteps(graph: Graph, carried: ReadonlyMap<string, string>): Uint8Array {
  const lacking =
    [...carried.keys()].find((name) => !graph.inputs.has(name)) ??
    [...carried.values()].find((name) => !graph.outputs.has(name)) ??
    [...graph.inputs.keys()].find((name) => shapeOfPort(name));
  if (lacking !== undefined) throw new Error(`graph ${graph.name}: "${lacking}" cannot go from step to step`);
  const inner = "step/"; // names within and without are one space
  const { nodes, constants } = encodeNodes(graph, inner);
  const fed = [...graph.inputs].filter(([name]) => !carried.has(name));
  const carriedOutputs = new Set(carried.values());
  const told = [...graph.outputs].filter(([name]) => !carriedOutputs.has(name));
  const ofAll = ([name, { dtype, shape }]: [string, Value]) =>
    describe(name, { dtype, shape: ["n", ...shape] });
  const [iteration, goesOn, stillGoesOn] = ["iteration", "goesOn", "stillGoesOn"].map(
    (name) => inner + name,
  ) as [string, string, string];
  const scalar = (name: string, dtype: GraphDType) => describe(name, { dtype, shape: [] });
  const node = (opType: string, input: string[], output: string) =>
    create(NodeProtoSchema, { name: `${opType} ${output}`, opType, input, output: [output] });

  const body = create(GraphProtoSchema, {
    name: `${graph.name} step`,
    node: [
      ...fed.map(([name]) => node("Gather", [name, iteration], inner + name)),
      node("Identity", [goesOn], stillGoesOn),
      ...nodes,
    ],
    initializer: constants,
    input: [
      scalar(iteration, "int64"),
      scalar(goesOn, "bool"),
      ...[...carried.keys()].map((name) => describe(inner + name, graph.inputs.get(name)!)),
    ],
    output: [
      scalar(stillGoesOn, "bool"),
      ...[...carried.values()].map((name) => describe(inner + name, graph.outputs.get(name)!)),
      ...told.map(([name, value]) => describe(inner + name, value)),
    ],
  });
  const loop = create(NodeProtoSchema, {
    name: "steps",
    opType: "Loop",
    input: [stepCount, `${inner}always`, ...carried.keys()],
    output: [...carried.values(), ...told.map(([name]) => name)],
    attribute: [
      create(AttributeProtoSchema, { name: "body", type: AttributeProto_AttributeType.GRAPH, g: body }),
    ],
  });
  return encodeModel(graph, {
    name: graph.name,
    node: [loop],
    input: [
      scalar(stepCount, "int64"),
      ...[...carried.keys()].map((name) => describe(name, graph.inputs.get(name)!)),
      ...fed.map(ofAll),
    ],
    output: [
      ...[...carried.values()].map((name) => describe(name, graph.outputs.get(name)!)),
      ...told.map(ofAll),
    ],
    initializer: [
      create(TensorProtoSchema, {
        name: `${inner}always`,
        dataType: typeCode.bool,
        dims: [],
        rawData: Uint8Array.of(1),
      }),
    ],
  });
}

/** The needed nodes and the constants they read; every name begins with `prefix`, and every output has its own. */
function encodeNodes(
  graph: Graph,
  prefix: string,
): { nodes: NodeProto[]; constants: TensorProto[]; open: ValueInfoProto[] } {
  if (graph.outputs.size === 0) throw new Error(`graph ${graph.name}: it has no outputs`);
  const needed = neededNodes(graph);
  const ownName = outputNaming(graph);
  const nameOf = (value: Value): string => prefix + ownName(value);
  const nodes = needed.map((node, index) => encodeNode(node, index, nameOf));
  const constants = new Set<Value>();
  const note = (value: Value | null): void => {
    if (value?.data) constants.add(value);
  };
  for (const node of needed) node.inputs.forEach(note);
  for (const [output, value] of graph.outputs) {
    note(value);
    const [made, name] = [nameOf(value), prefix + output];
    if (made !== name) {
      nodes.push(create(NodeProtoSchema, { opType: "Identity", input: [made], output: [name], name }));
    }
  }
  return {
    nodes,
    open: openValues(needed, graph).map((value) => describe(nameOf(value), value)),
    constants: [...constants].map((value) =>
      create(TensorProtoSchema, {
        name: prefix + value.name,
        dataType: typeCode[value.dtype],
        dims: value.shape.map((dim) => BigInt(dim as number)),
        rawData: bytesOf(value),
      }),
    ),
  };
}

function encodeModel(graph: Graph, proto: MessageInitShape<typeof GraphProtoSchema>): Uint8Array {
  const needed = neededNodes(graph);
  const model = create(ModelProtoSchema, {
    irVersion,
    producerName: "magnets",
    opsetImport: [
      create(OperatorSetIdProtoSchema, {
        domain: "",
        version: BigInt(needed.some(({ op }) => later.has(op)) ? laterOpset : opset),
      }),
      ...(needed.some(({ op }) => contributed.has(op))
        ? [create(OperatorSetIdProtoSchema, { domain: contributedDomain, version: 1n })]
        : []),
    ],
    graph: create(GraphProtoSchema, proto),
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

function describe(name: string, value: Pick<Value, "dtype" | "shape">): ValueInfoProto {
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
