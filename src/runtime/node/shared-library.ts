/** Shared libraries on this machine: what one needs, and whether the system finds one. */
import { open } from "node:fs/promises";

/** Of an ELF file: the section types and the tag that are read here (System V gABI). */
const [dynamicSection, neededTag] = [6, 1n];

/**
 * The names of the libraries that a 64-bit little-endian ELF file asks the system for, e.g. `libcudart.so.12`.
 *
 * @throws when the file cannot be read, or is none
 */
export async function neededLibraries(path: string): Promise<string[]> {
  const file = await open(path);
  try {
    const read = async (offset: number, size: number): Promise<DataView> => {
      const bytes = new Uint8Array(size);
      const { bytesRead } = await file.read(bytes, 0, size, offset);
      if (bytesRead < size) throw new Error(`${path}: it ends in the middle`);
      return new DataView(bytes.buffer);
    };
    const number = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));
    const header = await read(0, 64);
    if (header.getUint32(0) !== 0x7f454c46 || header.getUint16(4) !== 0x0201) {
      throw new Error(`${path}: it is no 64-bit library of Linux`);
    }
    const [at, size, count] = [number(header, 40), header.getUint16(58, true), header.getUint16(60, true)];
    const sections = await read(at, size * count);
    const section = (i: number) => ({
      type: sections.getUint32(i * size + 4, true),
      offset: number(sections, i * size + 24),
      size: number(sections, i * size + 32),
      link: sections.getUint32(i * size + 40, true),
    });
    const dynamic = Array.from({ length: count }, (_, i) => section(i)).find(
      ({ type }) => type === dynamicSection,
    );
    if (!dynamic) return [];
    const names = section(dynamic.link); // the table of strings that entries point into
    const [entries, text] = [await read(dynamic.offset, dynamic.size), await read(names.offset, names.size)];
    const nameAt = (start: number): string => {
      const bytes = new Uint8Array(text.buffer, start);
      return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
    };
    const found: string[] = [];
    for (let entry = 0; entry + 16 <= dynamic.size; entry += 16) {
      if (entries.getBigUint64(entry, true) === neededTag) found.push(nameAt(number(entries, entry + 8)));
    }
    return found;
  } finally {
    await file.close();
  }
}

/** Body for a fresh process (see child.ts): of `names`, those that the system's loader does not find, or cannot load. */
export const unloadable = (names: readonly string[]): string => `
  return ${JSON.stringify(names)}.filter((name) => {
    try {
      process.dlopen({ exports: {} }, name);
    } catch (error) {
      return !error.message.startsWith("Module did not self-register"); // loaded, and no module of Node
    }
  });`;
