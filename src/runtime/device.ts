/**
 * The devices that can compute. A new one is a row here; the compiler then shows every place that must know more of it
 * than the row says.
 */

/** What the project needs to know of a device. */
export interface DeviceFacts {
  /** ONNX Runtime's name for what computes there (its execution provider). */
  readonly provider: string;
  /** Which builds of ONNX Runtime have it: Node's native one, the browser's, or both. */
  readonly runsIn: readonly ("node" | "web")[];
  /** Where sessions leave their outputs, and where stored tensors live between runs. */
  readonly tensorsLiveIn: "host" | "gpu-buffer";
  /** Whether its products of 8-bit integers are worth using (`precision: "int8"`). */
  readonly hasInt8: boolean;
  /** Whether it has attention as one operator (`attendFused`). */
  readonly hasFusedAttention: boolean;
  /** Whether a process can have only one runner on it at a time. */
  readonly isExclusive: boolean;
  /** How many training steps one run has: more than 1 where all that a run makes returns to the host. */
  readonly stepsPerRun: number;
  /** How to get it where it is missing; null for what comes with the runtime. */
  readonly remedy: string | null;
}

export const devices = {
  /** The processor, by native code. */
  cpu: {
    provider: "cpu",
    runsIn: ["node"],
    tensorsLiveIn: "host",
    hasInt8: true,
    hasFusedAttention: true,
    isExclusive: false,
    stepsPerRun: 1,
    remedy: null,
  },
  /** The processor, by WebAssembly. */
  wasm: {
    provider: "wasm",
    runsIn: ["web"],
    tensorsLiveIn: "host",
    hasInt8: false,
    hasFusedAttention: false,
    isExclusive: false,
    stepsPerRun: 1,
    remedy: null,
  },
  /** A graphics card. ONNX Runtime keeps one WebGPU device per process and puts no lock around it. */
  webgpu: {
    provider: "webgpu",
    runsIn: ["node", "web"],
    tensorsLiveIn: "gpu-buffer",
    hasInt8: false,
    hasFusedAttention: false,
    isExclusive: true,
    stepsPerRun: 1,
    remedy:
      "install your graphics card's driver with Vulkan, Metal or Direct3D 12 support (on Linux also the Vulkan " +
      "loader, package libvulkan1), or use device cpu",
  },
  /**
   * An NVIDIA card, by CUDA. The binding gives all outputs back as arrays of the host, so what must stay on the card
   * stays within one run. Products are TF32: numbers are rounded to 11 bits before they are multiplied.
   */
  cuda: {
    provider: "cuda",
    runsIn: ["node"],
    tensorsLiveIn: "host",
    hasInt8: false,
    hasFusedAttention: false,
    isExclusive: false,
    stepsPerRun: 20,
    remedy: "see docs/gpu.md for what an NVIDIA card needs installed, or use device webgpu or cpu",
  },
} as const satisfies Record<string, DeviceFacts>;

/** The name of a device, as options give it. */
export type Device = keyof typeof devices;

/** The facts of a device. Throws nothing: `device` is one of the table's. */
export const factsOf = (device: Device): DeviceFacts => devices[device];

/** The devices of one build of ONNX Runtime, the default first. */
export function devicesIn(place: "node" | "web"): Device[] {
  return (Object.keys(devices) as Device[]).filter((device) => factsOf(device).runsIn.includes(place));
}
