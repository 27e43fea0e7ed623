import { describe, expect, it } from "vitest";
import { byteCount, duration } from "../../../cli/options/parse.ts";

describe("byteCount", () => {
  it.each([
    ["4096", 4096],
    ["1kB", 1000],
    ["1.5 MB", 1_500_000],
    ["512MiB", 512 * 1024 * 1024],
    ["2GiB", 2 * 1024 ** 3],
    ["2g", 2e9],
    ["1 TiB", 1024 ** 4],
  ])("reads %s", (text, bytes) => {
    expect(byteCount(text)).toBe(bytes);
  });

  it.each(["", "0", "-1GiB", "2 XB", "GiB", "1e9", "2iB"])('refuses "%s" with an example', (text) => {
    expect(() => byteCount(text)).toThrow(/e\.g\. 2GiB/);
  });
});

describe("duration", () => {
  it.each([
    ["400ms", 400],
    ["2s", 2000],
    ["1.5 s", 1500],
    ["0.5ms", 0.5],
  ])("reads %s", (text, milliseconds) => {
    expect(duration(text)).toBe(milliseconds);
  });

  it.each(["", "400", "0s", "-1s", "2 min", "1e3ms", "s"])('refuses "%s" with an example', (text) => {
    expect(() => duration(text)).toThrow(/e\.g\. 400ms or 2s/);
  });
});
