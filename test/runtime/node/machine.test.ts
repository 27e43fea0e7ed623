import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, it } from "vitest";
import { describeMachine } from "../../../src/runtime/node/machine.ts";

const installedVersion = (name: string): string => {
  const entry = createRequire(import.meta.url).resolve(name);
  const folder = entry.slice(0, entry.lastIndexOf(`/${name}/`) + name.length + 2);
  return JSON.parse(readFileSync(`${folder}package.json`, "utf8")).version;
};

it("tells what the machine has, and how to get what it lacks", async () => {
  const machine = await describeMachine();
  expect(machine.node).toBe(process.versions.node);
  expect(machine.cores).toBeGreaterThanOrEqual(1);
  expect(machine.memoryBytes).toBeGreaterThan(2 ** 28);
  const parts = Object.fromEntries(machine.parts.map((part) => [part.name, part]));
  expect(parts["device cpu"]).toEqual({
    name: "device cpu",
    isPresent: true,
    isRequired: true,
    detail: "computes",
  });
  expect(parts.onnxruntime!.detail).toBe(installedVersion("onnxruntime-node"));
  expect(parts.sharp!.detail).toContain(installedVersion("sharp"));
  const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;
  expect(parts.ffmpeg!.isPresent).toBe(hasFfmpeg);
  for (const part of machine.parts) {
    expect(part.detail).not.toBe("");
    if (!part.isPresent) expect(part.remedy).toMatch(/install/);
  }
});
