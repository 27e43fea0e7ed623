/**
 * What CUDA needs on this machine: ONNX Runtime's provider, which is no part of the npm package, the libraries of CUDA and
 * cuDNN that it was built for, and a card with its driver. ONNX Runtime itself says no more than "failed to load".
 */
import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { InputError } from "../../core/errors.ts";
import { oneNodeModel } from "../one-node-model.ts";
import { reasonOf } from "../tensor-home.ts";
import { inChild } from "./child.ts";
import { runtimeVersion } from "./runtime-version.ts";
import { neededLibraries, unloadable } from "./shared-library.ts";

/** One of the things that CUDA needs. */
export interface CudaPart {
  /** A file, or `NVIDIA card`. */
  readonly name: string;
  /** Null where it is there, else what is wrong. */
  readonly fault: string | null;
  /** How to get it. */
  readonly remedy: string;
}

const platform = `${process.platform}-${process.arch}`;
const providerFiles = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];
/** Those of CUDA and cuDNN among what a library asks for; the others come with the system. */
const isOfCuda = (name: string): boolean => /^lib(cu|nv|nccl)/.test(name);

/** The folder in which ONNX Runtime looks for its providers. */
export function providerFolder(): string {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  return join(dirname(entry), "bin", "napi-v6", process.platform, process.arch);
}

const providerRemedy = (): string =>
  `run \`ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install\`, which fetches those of release ` +
  `${runtimeVersion()} from nuget.org, or lay them there yourself (docs/gpu.md)`;

/** Of which release a CUDA library is, as its name says: `libcudnn.so.9` is of cuDNN 9. */
function libraryRemedy(name: string): string {
  const release = /\.so\.(\d+)/.exec(name)?.[1] ?? "";
  const product = name.startsWith("libcudnn") ? `cuDNN ${release}` : "the CUDA toolkit that has it";
  return `install ${product}, e.g. from NVIDIA's packages or PyTorch's wheels, and name its folder in LD_LIBRARY_PATH`;
}

/**
 * Looks for everything in turn: what cannot be told before an earlier part is there is not listed. Takes a second or two,
 * and never throws.
 *
 * @param folder  where the provider should be
 */
export async function cudaParts(folder = providerFolder()): Promise<CudaPart[]> {
  if (platform !== "linux-x64") {
    const remedy = "use device webgpu or cpu here";
    return [{ name: "CUDA in Node", fault: `it is for linux-x64, and this is ${platform}`, remedy }];
  }
  const parts: CudaPart[] = [];
  for (const name of providerFiles) {
    const isThere = await access(join(folder, name)).then(
      () => true,
      () => false,
    );
    parts.push({ name, fault: isThere ? null : `not in ${folder}`, remedy: providerRemedy() });
  }
  if (parts.some(({ fault }) => fault !== null)) return parts;
  let needed: string[];
  try {
    needed = (await neededLibraries(join(folder, providerFiles[1]!))).filter(isOfCuda);
  } catch (error) {
    return [...parts.slice(0, 1), { ...parts[1]!, fault: reasonOf(error) }];
  }
  const missing = new Set(await inChild<string[]>(unloadable(needed)).catch(() => needed));
  for (const name of needed) {
    const fault = missing.has(name) ? "the system does not find or cannot load it" : null;
    parts.push({ name, fault, remedy: libraryRemedy(name) });
  }
  if (missing.size > 0) return parts;
  const fault = await inChild(deviceTrial("cuda")).then(() => null, reasonOf);
  return [...parts, { name: "NVIDIA card", fault, remedy: cardRemedy(fault) }];
}

const cardRemedy = (fault: string | null): string =>
  fault?.includes("ended with")
    ? `the provider is probably of another release than onnxruntime-node ${runtimeVersion()}: ${providerRemedy()}`
    : "install the card's driver (`nvidia-smi` must list the card), or use device webgpu or cpu";

/**
 * Throws unless CUDA computes here.
 *
 * @throws {InputError} naming every missing part, and how to get the first
 */
export async function requireCuda(folder?: string): Promise<void> {
  const faults = (await cudaParts(folder)).filter(({ fault }) => fault !== null);
  const [first] = faults;
  if (!first) return;
  const alike = faults.filter(({ fault }) => fault === first.fault).map(({ name }) => name);
  throw new InputError(`device cuda: ${alike.join(" and ")}: ${first.fault}. To get it, ${first.remedy}`);
}

/** Body for a fresh process: makes the provider copy three numbers. */
export function deviceTrial(provider: string): string {
  const model = Buffer.from(oneNodeModel("Identity", "float32")).toString("base64");
  return `
  const { InferenceSession, Tensor, env } = load("onnxruntime-node");
  env.logLevel = "fatal";
  const options = { executionProviders: ["${provider}"] };
  const session = await InferenceSession.create(Buffer.from("${model}", "base64"), options);
  const { out } = await session.run({ x: new Tensor("float32", Float32Array.of(1, 2, 3), [3]) });
  if (out.data.join() !== "1,2,3") throw new Error("it copied 1,2,3 as " + out.data.join());
  return "computes";`;
}
