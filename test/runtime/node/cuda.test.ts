/** CUDA on a machine that lacks one thing after the other. Real library files of this machine stand in for NVIDIA's. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { cudaParts, providerFolder, requireCuda } from "../../../src/runtime/node/cuda.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import { neededLibraries } from "../../../src/runtime/node/shared-library.ts";

const isLinux = process.platform === "linux" && process.arch === "x64";
const runtime = join(providerFolder(), "libonnxruntime.so.1");
const [shared, provider] = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cuda-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** ONNX Runtime's own library in the provider's place, that asks for a library of CUDA instead of C++'s. */
async function layProvider(asksFor: string): Promise<void> {
  await writeFile(join(folder, shared), "");
  const bytes = await readFile(runtime);
  const at = bytes.indexOf("libstdc++.so.6\0");
  expect(asksFor.length).toBe("libstdc++.so.6".length);
  bytes.write(asksFor, at, "latin1");
  await writeFile(join(folder, provider), bytes);
}

describe.runIf(isLinux)("what CUDA lacks", () => {
  it("is the provider, where nothing is installed", async () => {
    const error = await requireCuda(folder).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toMatch(
      /^device cuda: libonnxruntime_providers_shared\.so and libonnxruntime_providers_cuda\.so: not in .*cuda-.*To get it, run `ONNXRUNTIME_NODE_INSTALL=cuda12 .*docs\/gpu\.md/,
    );
    expect((error as Error).message).not.toContain("\n");
  });

  it("is each library that the provider asks for and the system has not", async () => {
    await layProvider("libcudart.so.9"); // of a CUDA that nobody has any more
    const parts = await cudaParts(folder);
    expect(parts.map(({ name, fault }) => [name, fault === null])).toEqual([
      [shared, true],
      [provider, true],
      ["libcudart.so.9", false],
    ]);
    await expect(requireCuda(folder)).rejects.toThrow(
      /^device cuda: libcudart\.so\.9: the system does not find or cannot load it\. To get it, install .*LD_LIBRARY_PATH/,
    );
  });

  it("is a provider that is no library", async () => {
    await writeFile(join(folder, shared), "");
    await writeFile(join(folder, provider), "Not Found");
    await expect(requireCuda(folder)).rejects.toThrow(
      /libonnxruntime_providers_cuda\.so: .*it ends in the middle/,
    );
    await writeFile(join(folder, provider), "<html>".repeat(100));
    await expect(requireCuda(folder)).rejects.toThrow(/it is no 64-bit library of Linux/);
  });

  it("is the card, where all files are there", async () => {
    await writeFile(join(folder, shared), "");
    await copyFile(runtime, join(folder, provider)); // asks for nothing of CUDA
    const parts = await cudaParts(folder);
    expect(parts.at(-1)!.name).toBe("NVIDIA card");
  });
});

describe.runIf(isLinux)("neededLibraries", () => {
  it("reads what the loader reads: ONNX Runtime's libraries of the system", async () => {
    const needed = await neededLibraries(runtime);
    expect(needed).toEqual(expect.arrayContaining(["libc.so.6", "libm.so.6", "libstdc++.so.6"]));
    expect(needed.every((name) => /^(lib|ld-).*\.so\.\d+$/.test(name))).toBe(true);
  });
});

it("a runner for cuda either computes or is refused in one sentence", async () => {
  const missing = (await cudaParts()).find(({ fault }) => fault !== null);
  const opened = createNodeRunner({ device: "cuda" });
  if (!missing) return (await opened).close();
  await expect(opened).rejects.toThrow(InputError);
  await expect(opened).rejects.toThrow(missing.name);
});
