/** Where stored tensors live, in JavaScript's memory or a GPU's, and how they get there and back. */
import type { InferenceSession, Tensor } from "onnxruntime-common";
import { InputError } from "../core/errors.ts";
import { sizeOf } from "../core/tensor.ts";
import { type Device, factsOf } from "./device.ts";
import type { MovingOp } from "./one-node-model.ts";

/** The part of a runtime's module that is used; onnxruntime-node and onnxruntime-web both have it. */
export type Ort = Pick<typeof import("onnxruntime-common"), "InferenceSession" | "Tensor">;

/** What an error of the runtime says, without the place in its source code where a check failed. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^\/\S+:\d+ .* was false\. /s, "").trim();
}

/** How stored tensors are held on one device, and how they get there and back. */
export interface TensorHome {
  /** Where sessions leave their outputs. */
  readonly outputLocation: "cpu" | "gpu-buffer";
  /** Whether a run must ask for every output of its graph, in order. */
  readonly fetchesAll: boolean;
  /** Moves a host tensor in. */
  keep(tensor: Tensor): Promise<Tensor>;
  /** A tensor whose numbers can be read on the host. Where tensors live there it is the stored tensor itself. */
  read(tensor: Tensor): Promise<Tensor>;
  /** The first `rows` of axis 0 as a tensor the caller disposes after use. */
  leadingRows(tensor: Tensor, rows: number): Promise<Tensor>;
  /** `table` with `rows` written over the rows named; where tensors live on the host it is `table` itself, changed. */
  withRows(table: Tensor, at: Int32Array, rows: Tensor): Promise<Tensor>;
  /** Frees what the home itself holds. */
  close(): Promise<void>;
}

/**
 * The home of a device's tensors.
 *
 * @param options  of every session, the device's execution provider among them
 * @throws {InputError} when the device is not there
 */
export async function openHome(
  ort: Ort,
  device: Device,
  options: InferenceSession.SessionOptions,
): Promise<TensorHome> {
  const place = factsOf(device).tensorsLiveIn;
  switch (place) {
    case "host":
      return hostHome(ort);
    case "gpu-buffer":
      return gpuHome(ort, device, options);
    default:
      return place satisfies never;
  }
}

/** Stored tensors in JavaScript's memory: nothing moves, and leading rows are views. */
function hostHome(ort: Ort): TensorHome {
  return {
    outputLocation: "cpu",
    fetchesAll: false,
    keep: async (tensor) => tensor,
    read: async (tensor) => tensor,
    leadingRows: async ({ type, dims, data }, rows) => {
      const shape = [rows, ...dims.slice(1)];
      return new ort.Tensor(type as "float32", (data as Float32Array).subarray(0, sizeOf(shape)), shape);
    },
    withRows: async (table, at, rows) => {
      const [to, from] = [table.data as Float32Array, rows.data as Float32Array];
      const width = sizeOf(table.dims.slice(1));
      at.forEach((row, i) => {
        to.set(from.subarray(i * width, (i + 1) * width), row * width);
      });
      return table;
    },
    close: async () => {},
  };
}

/**
 * Stored tensors in GPU buffers. Every move is a run of a one-node graph: in Node, asking a GPU tensor for its data
 * ends the process, and a buffer cannot be made or cut from outside. So leading rows are a copy on the device here.
 *
 * @throws {InputError} when there is no graphics adapter
 */
async function gpuHome(
  ort: Ort,
  device: Device,
  options: InferenceSession.SessionOptions,
): Promise<TensorHome> {
  // Loaded here, since most programs run on the CPU and need no protobuf in this thread.
  const { oneNodeModel } = await import("./one-node-model.ts");
  const sessions = new Map<string, Promise<InferenceSession>>();

  function session(op: MovingOp, dtype: string, location: "cpu" | "gpu-buffer") {
    const key = `${op} ${dtype} ${location}`;
    const known = sessions.get(key);
    if (known) return known;
    const model = oneNodeModel(op, dtype);
    // Unoptimised: an optimiser may take an Identity away, and it is the copy that we want.
    const made = ort.InferenceSession.create(model, {
      ...options,
      graphOptimizationLevel: "disabled",
      preferredOutputLocation: location,
    });
    sessions.set(key, made);
    return made;
  }

  async function copy(tensor: Tensor, location: "cpu" | "gpu-buffer"): Promise<Tensor> {
    const { out } = await (await session("Identity", tensor.type, location)).run({ x: tensor });
    return out as Tensor;
  }

  try {
    await session("Identity", "float32", "gpu-buffer");
  } catch (error) {
    throw new InputError(
      `device ${device}: it needs a graphics adapter, and none answered (${reasonOf(error)}). ` +
        `To get one, ${factsOf(device).remedy}`,
    );
  }

  return {
    outputLocation: "gpu-buffer",
    // A session with outputs on the GPU goes on binding those of its earlier runs: one that a later run leaves out is
    // written over, stored or not, and then the run fails, or gives out results under each other's names.
    fetchesAll: true,
    keep: (tensor) => copy(tensor, "gpu-buffer"),
    read: (tensor) => copy(tensor, "cpu"),
    leadingRows: async (tensor, rows) => {
      const end = new ort.Tensor("int64", BigInt64Array.of(BigInt(rows)), [1]);
      const start = new ort.Tensor("int64", BigInt64Array.of(0n), [1]);
      const { out } = await (await session("Slice", tensor.type, "gpu-buffer")).run({
        x: tensor,
        start,
        end,
      });
      return out as Tensor;
    },
    withRows: async (table, at, rows) => {
      const indices = new ort.Tensor(
        "int64",
        BigInt64Array.from(at, (row) => BigInt(row)),
        [at.length, 1],
      );
      const { out } = await (await session("ScatterND", table.type, "gpu-buffer")).run({
        x: table,
        indices,
        rows,
      });
      return out as Tensor;
    },
    close: async () => {
      for (const made of sessions.values()) await (await made).release();
    },
  };
}
