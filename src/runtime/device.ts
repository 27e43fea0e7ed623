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
    remedy:
      "install your graphics card's driver with Vulkan, Metal or Direct3D 12 support (on Linux also the Vulkan " +
      "loader, package libvulkan1), or use device cpu",
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
