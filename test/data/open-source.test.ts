import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSource } from "../../src/data/open-source.ts";
import { animate, plain, refusal, temporaryFolder, writeFrames } from "./video/films.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const open = () => openSource({ source: folder.path, resolution: 8, seed: 0 });
const film = (frames: number) => plain(8, 8, frames);

describe("openSource of a folder", () => {
  it("tells of videos only where there are no images", async () => {
    await animate(at("film.gif"), film(4));
    expect(await refusal(open())).toContain(
      "holds 1 video and no images; say how many frames of each to take",
    );
    await writeFrames(at("cat"), film(1));
    expect((await open()).classNames).toEqual(["cat"]);
  });

  it("gives the real reason for images that it cannot take, though a video might look like that", async () => {
    await writeFrames(at("cat"), film(2));
    await writeFrames(at("dog"), film(2));
    await writeFrames(folder.path, film(1));
    const message = await refusal(open());
    expect(message).toContain("must hold either class folders or loose images, found both");
    expect(message).toContain("2 folders with images (cat, dog) and 1 loose image");
    expect(message).not.toContain("video");
  });

  it("says that there is nothing of either", async () => {
    await writeFile(at("notes.txt"), "hello");
    expect(await refusal(open())).toContain("required JPEG, PNG or WebP images");
    await rm(folder.path, { recursive: true });
    expect(await refusal(open())).toContain("does not exist");
  });
});
