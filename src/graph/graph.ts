/**
 * A graph under construction: values with static types and shapes, nodes in the order they were made, and, for each
 * value that has one, the rule that carries a gradient back to what it was computed from. The rule is given where
 * the operation is defined (graph/ops), so an operation's forward and backward are read side by side.
 */
import { type ArrayOf, type HostTensor, sizeOf } from "../core/tensor.ts";
import { type Dim, factorsOf, multiplyDims, printShape, type Shape } from "./dim.ts";

export type GraphDType = "float32" | "float64" | "int32" | "int64" | "int8" | "uint8" | "bool";

/** Takes the gradient of the loss by each output (null where none reaches it); gives one by each input. */
export type Backward = (gradients: readonly (Value | null)[]) => readonly (Value | null)[];

/** How a value came to be, as the gradient sees it. */
export interface Derivation {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly backward: Backward;
}

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** One tensor of a graph. Made by operations, inputs and constants only. */
export class Value {
  readonly graph: Graph;
  readonly name: string;
  readonly dtype: GraphDType;
  readonly shape: Shape;
  /** The node that computes it; null for inputs and constants. */
  node: GraphNode | null = null;
  /** How gradients flow back through it; null for leaves and for what stops them. */
  derivation: Derivation | null = null;
  /** The data of a constant. */
  readonly data: HostTensor | null;

  constructor(graph: Graph, name: string, dtype: GraphDType, shape: Shape, data: HostTensor | null = null) {
    this.graph = graph;
    this.name = name;
    this.dtype = dtype;
    this.shape = shape;
    this.data = data;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** The dimension at `axis`; negative counts from the end. */
  dim(axis: number): Dim {
    return this.shape[axis < 0 ? axis + this.rank : axis]!;
  }
}

export class Graph {
  readonly name: string;
  readonly inputs = new Map<string, Value>();
  readonly outputs = new Map<string, Value>();
  readonly nodes: GraphNode[] = [];
  /** Where each symbol's value can be read when the graph runs: an input and its axis. */
  readonly symbolSources = new Map<string, { input: Value; axis: number }>();
  private readonly scalars = new Map<string, Value>();
  private readonly vectors = new Map<string, Value>();
  private readonly made = new Map<string, Value[]>();
  private readonly taken = new Set<string>();
  private nextId = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Declares an input. A symbol in its shape is bound by what is fed. */
  input(name: string, dtype: GraphDType, shape: Shape): Value {
    this.take(name);
    for (const dim of shape) {
      if (typeof dim === "number" && !(Number.isInteger(dim) && dim >= 0)) {
        throw new Error(`graph ${this.name}: input "${name}" needs whole extents, got ${printShape(shape)}`);
      }
    }
    const value = new Value(
      this,
      name,
      dtype,
      shape.map((dim) => multiplyDims(dim)),
    );
    this.inputs.set(name, value);
    value.shape.forEach((dim, axis) => {
      const { factor, symbols } = factorsOf(dim);
      if (factor === 1 && symbols.length === 1 && !this.symbolSources.has(symbols[0]!)) {
        this.symbolSources.set(symbols[0]!, { input: value, axis });
      }
    });
    return value;
  }

  /** Names a value as an output of the graph. Inputs and outputs cannot share a name. */
  output(name: string, value: Value): void {
    if (value.graph !== this) {
      throw new Error(`graph ${this.name}: output "${name}" is a value of graph ${value.graph.name}`);
    }
    this.take(name);
    this.outputs.set(name, value);
  }

  /** A constant tensor, stored in the model. */
  constant(data: HostTensor): Value {
    if (data.dtype === "uint16") {
      throw new Error(`graph ${this.name}: a constant cannot be of type ${data.dtype}`);
    }
    if (data.data.length !== sizeOf(data.dims)) {
      throw new Error(
        `graph ${this.name}: a constant of shape [${data.dims}] needs ${sizeOf(data.dims)} elements, got ${data.data.length}`,
      );
    }
    return new Value(this, this.freshName("constant"), data.dtype, data.dims, data);
  }

  /** A scalar constant; equal scalars are one constant. */
  scalar(dtype: GraphDType, value: number): Value {
    const key = `${dtype}:${Object.is(value, -0) ? "-0" : value}`;
    let found = this.scalars.get(key);
    if (!found) {
      found = this.constant({ dtype, dims: [], data: arrayFrom(dtype, [value]) });
      this.scalars.set(key, found);
    }
    return found;
  }

  /** A constant vector; equal ones are one constant. */
  vector(dtype: GraphDType, values: readonly number[]): Value {
    const key = `${dtype}:${values.join()}`;
    let found = this.vectors.get(key);
    if (!found) {
      found = this.constant({ dtype, dims: [values.length], data: arrayFrom(dtype, values) });
      this.vectors.set(key, found);
    }
    return found;
  }

  /** A constant vector of 64-bit integers, the type in which the operations take shapes and axes. */
  integers(values: readonly number[]): Value {
    return this.vector("int64", values);
  }

  /**
   * Adds a node, or gives the outputs of an equal one that is there already. `outputs` gives each output's type and
   * shape; `backward` the gradient rule, absent where the operation stops gradients (comparisons, integer results).
   */
  emit(
    op: string,
    inputs: readonly (Value | null)[],
    outputs: readonly { dtype: GraphDType; shape: Shape }[],
    attributes: Readonly<Record<string, Attribute>> = {},
    backward?: Backward,
  ): Value[] {
    for (const input of inputs) {
      if (input && input.graph !== this) {
        throw new Error(`graph ${this.name}: ${op} was given "${input.name}" of graph ${input.graph.name}`);
      }
    }
    // An Identity is there for a gradient of its own, so no two are equal.
    const key =
      op === "Identity"
        ? null
        : JSON.stringify([op, inputs.map((input) => input?.name), outputs, Object.entries(attributes)]);
    const equal = key === null ? undefined : this.made.get(key);
    if (equal) return equal;
    const made = outputs.map(({ dtype, shape }) => new Value(this, this.freshName(op), dtype, shape));
    if (key !== null) this.made.set(key, made);
    const node: GraphNode = { op, inputs, outputs: made, attributes };
    this.nodes.push(node);
    for (const value of made) value.node = node;
    if (backward) {
      const present = inputs.filter((input) => input !== null);
      setDerivation({ inputs: present, outputs: made, backward });
    }
    return made;
  }

  /** Claims a name given from outside; in an ONNX model every tensor's name is its own. */
  private take(name: string): void {
    if (this.taken.has(name)) throw new Error(`graph ${this.name}: the name "${name}" is already taken`);
    this.taken.add(name);
  }

  private freshName(op: string): string {
    let name: string;
    do name = `${op.toLowerCase()}_${this.nextId++}`;
    while (this.taken.has(name));
    this.taken.add(name);
    return name;
  }
}

/**
 * Replaces the gradient rule of values built from several nodes by one rule for the whole (a closed form that is
 * cheaper or steadier than differentiating node by node).
 */
export function setDerivation(derivation: Derivation): void {
  for (const output of derivation.outputs) output.derivation = derivation;
}

/** For what has no gradient, or whose gradient nobody wrote: to ask for one is a mistake, and not a zero. */
export function withoutGradient(operation: string, inputs: readonly Value[], output: Value): void {
  setDerivation({
    inputs,
    outputs: [output],
    backward: () => {
      throw new Error(
        `graph.${operation}: it is for inference and has no gradient; use stopGradient before it`,
      );
    },
  });
}

/** The typed array of `dtype` holding `values`. */
export function arrayFrom(dtype: GraphDType, values: readonly number[]): ArrayOf[GraphDType] {
  switch (dtype) {
    case "float32":
      return Float32Array.from(values);
    case "float64":
      return Float64Array.from(values);
    case "int32":
      return Int32Array.from(values);
    case "int64":
      return BigInt64Array.from(values, (value) => BigInt(value));
    case "int8":
      return Int8Array.from(values);
    case "uint8":
    case "bool":
      return Uint8Array.from(values);
  }
}

/** The error every operation throws: which operation, what was expected, what came. */
export function shapeError(operation: string, expected: string, ...values: readonly Value[]): Error {
  const came = values
    .map((value) => `"${value.name}" ${value.dtype}${printShape(value.shape)}`)
    .join(" and ");
  return new Error(`graph.${operation}: expected ${expected}, got ${came}`);
}

/** Throws unless the values share one element type. */
export function requireSameType(operation: string, ...values: readonly Value[]): void {
  if (values.some((value) => value.dtype !== values[0]!.dtype)) {
    throw shapeError(operation, "values of one type", ...values);
  }
}

/** Throws unless the values share one floating-point type. */
export function requireFloats(operation: string, ...values: readonly Value[]): void {
  requireSameType(operation, ...values);
  if (values[0]!.dtype !== "float32" && values[0]!.dtype !== "float64") {
    throw shapeError(operation, "floating-point values", ...values);
  }
}
