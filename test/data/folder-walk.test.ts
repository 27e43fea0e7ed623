import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FolderWalk, list, partsWarning } from "../../src/data/folder-walk.ts";
import { folderSource } from "../../src/data/image/image-folder.ts";
import { openSource } from "../../src/data/open-source.ts";
import { openVideoFolder } from "../../src/data/video/video-folder.ts";
import { animate, plain, refusal, temporaryFolder, writeFrames } from "./video/films.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const film = plain(8, 8, 4);

/** Classes cat and dog with two frames each, in files that `kind` writes, and as many links as wanted. */
async function petsWith(kind: "images" | "videos", links: Record<string, string>): Promise<void> {
  for (const name of ["cat", "dog"]) {
    if (kind === "images") await writeFrames(at(name), plain(8, 8, 2));
    else for (const i of [0, 1]) await animate(at(name, `${i}.gif`), film);
  }
  for (const [link, target] of Object.entries(links)) await symlink(target, at(link));
}

describe("FolderWalk", () => {
  it("follows links, of files and folders, and links to nowhere are files", async () => {
    await mkdir(at("pool", "deep"), { recursive: true });
    await writeFile(at("pool", "deep", "1.txt"), "");
    await mkdir(at("root"));
    await symlink("../pool", at("root", "linked"));
    await symlink("../pool/deep/1.txt", at("root", "file"));
    await symlink("nowhere", at("root", "broken"));
    await symlink("itself", at("root", "itself"));
    const walk = new FolderWalk(at("root"));
    expect(await walk.filesBelow(at("root"), "")).toEqual([
      "broken",
      "file",
      "itself",
      join("linked", "deep", "1.txt"),
    ]);
    expect(walk.warnings()).toEqual([]);
  });

  it("sees a folder once, whatever links lead to it, and ends where every folder links to every other", async () => {
    const names = Array.from({ length: 12 }, (_, i) => `folder-${i}`);
    for (const name of names) {
      await mkdir(at(name));
      await writeFile(at(name, "1.txt"), "");
    }
    for (const name of names)
      for (const other of names) await symlink(`../${other}`, at(name, `to-${other}`));
    const walk = new FolderWalk(folder.path);
    const found = await walk.filesBelow(folder.path, "");
    expect(found).toHaveLength(12);
    expect(walk.warnings()).toHaveLength(1);
    expect(walk.warnings()[0]).toMatch(/left out links to folders that are read already: .* more$/);
  });

  it("stops at the signal, within the walk", async () => {
    await mkdir(at("a", "b", "c"), { recursive: true });
    const stop = new AbortController();
    const walk = new FolderWalk(folder.path, { signal: stop.signal });
    const found = walk.filesBelow(folder.path, "");
    stop.abort(new Error("enough"));
    await expect(found).rejects.toThrow("enough");
    await expect(list(folder.path, { signal: stop.signal })).rejects.toThrow("enough");
  });
});

describe("partsWarning", () => {
  it.each([
    [["train", "val"], "train"],
    [["test", "train", "validation"], "train"],
    [["Testing", "Training"], "Training"],
    [["dev", "test"], "dev"],
  ])("names %j and the one to give", (names, given) => {
    const [warning, ...others] = partsWarning("set", names);
    expect(others).toEqual([]);
    expect(warning).toContain(`set: its folders ${names.join(", ")} are taken for classes`);
    expect(warning).toMatch(new RegExp(`${join("set", given)}$`));
  });

  it.each([[["train"]], [["cat", "dog"]], [["bus", "train"]], [["training shoe", "test tube"]], [[]]])(
    "says nothing of %j",
    (names) => expect(partsWarning("set", names)).toEqual([]),
  );
});

describe("datasets with links to a parent folder", () => {
  it("counts each image once, in its own class, and names the link", async () => {
    await petsWith("images", { "cat/up": "..", "dog/around": "../dog", all: "." });
    const { files, classNames, warnings } = await folderSource(folder.path, { resolution: 8 });
    expect(classNames).toEqual(["cat", "dog"]);
    expect(files.map(({ classId }) => classId)).toEqual([0, 0, 1, 1]);
    expect(warnings.join("\n")).toContain(
      `left out links to folders that are read already: ${at("all")}, ${at("cat/up")}, ${at("dog/around")}`,
    );
  });

  it("does so with videos, too", async () => {
    await petsWith("videos", { "cat/up": "..", "dog/up": ".." });
    const { files, warnings } = await openVideoFolder(folder.path, { frames: 4, resolution: 8 });
    expect(files.map(({ path }) => path)).toEqual(["cat/0.gif", "cat/1.gif", "dog/0.gif", "dog/1.gif"]);
    expect(warnings).toEqual([
      `${folder.path}: left out links to folders that are read already: ${at("cat/up")}, ${at("dog/up")}`,
    ]);
  });

  it("hands the signal to every kind of walk", async () => {
    const stopped = { signal: AbortSignal.abort(new Error("enough")) };
    await petsWith("images", {});
    const choice = { source: folder.path, resolution: 8, seed: 0 };
    await expect(openSource(choice, stopped)).rejects.toThrow("enough");
    await expect(openSource({ ...choice, frames: 2 }, stopped)).rejects.toThrow("enough");
    const layout = (name: "plain" | "ucf101" | "kinetics") =>
      openVideoFolder(folder.path, { frames: 2, resolution: 8, layout: name, ...stopped });
    await expect(layout("plain")).rejects.toThrow("enough");
    await mkdir(at("ucfTrainTestlist"));
    await writeFile(at("ucfTrainTestlist", "classInd.txt"), "1 cat\n");
    await writeFile(at("ucfTrainTestlist", "trainlist01.txt"), "cat/1.avi 1\n");
    await expect(layout("ucf101")).rejects.toThrow("enough");
    await writeFile(at("train.csv"), "label,youtube_id,time_start,time_end,split\ncat,x,0,1,train\n");
    await expect(layout("kinetics")).rejects.toThrow("enough");
    expect(await refusal(openVideoFolder(folder.path, { frames: 2, resolution: 8 }))).toContain("e.g. cat/1");
  });
});
