/** The document that is served is true: requests made from it are taken, and every answer is one that it promises. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunningServer } from "../../server/index.ts";
import { integerAt, type Key, keyFromSeed, uniformAt } from "../../src/core/random.ts";
import { type Log, serve } from "./served.ts";

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly contentMediaType?: string;
}

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

let server: RunningServer;
let log: Log;
let document: Document;
const ajv = new Ajv2020({ strict: false });
const validators = new Map<string, ValidateFunction>();

beforeAll(async () => {
  ({ server, log } = await serve());
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
  ajv.addSchema({ $id: "document", ...document });
});
afterAll(() => server.stop());

/** What the document says of an answer; fails where it says nothing of such a one. */
async function expectPromised(path: string, method: string, answer: Response): Promise<unknown> {
  const type = answer.headers.get("content-type")!.replace(/;.*/, "");
  const key = ["paths", path, method, "responses", String(answer.status), "content", type, "schema"];
  const pointer = `document#/${key.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/")}`;
  const promised = document.paths[path]![method]!.responses[answer.status]?.content[type];
  expect(
    promised,
    `${method} ${path} answered ${answer.status} as ${type}: ${await answer.clone().text()}`,
  ).toBeDefined();
  if (type !== "application/json") return answer.text();
  if (!validators.has(pointer)) validators.set(pointer, ajv.compile({ $ref: pointer }));
  const body = await answer.json();
  const validate = validators.get(pointer)!;
  expect(validate(body), JSON.stringify(validate.errors)).toBe(true);
  return body;
}

/** A value that a schema allows, each choice by a random number. */
function madeFor(schema: Schema, draw: () => number): unknown {
  const oneOf = <T>(choices: readonly T[]): T => choices[Math.floor(draw() * choices.length)]!;
  if (schema.enum) return oneOf(schema.enum);
  if ("const" in schema) return schema.const;
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return madeFor(oneOf(choices), draw);
  const least = schema.minimum ?? (schema.exclusiveMinimum ?? 0) + 0.001;
  const most = Math.min(schema.maximum ?? least + 9, least + 9);
  switch (schema.type) {
    case "boolean":
      return draw() < 0.5;
    case "null":
      return null;
    case "integer":
      return Math.floor(Math.ceil(least) + draw() * (most - Math.ceil(least) + 0.999));
    case "number":
      return least + draw() * (most - least);
    case "string":
      if (schema.pattern?.includes("auto")) return oneOf(["auto", "64x64", "640x640", "1x1"]);
      return schema.pattern ? "123" : oneOf(["cat", "rocket", "sprites", "8x2,1x2", ""]);
    case "array":
      if (schema.prefixItems) return schema.prefixItems.map((item) => madeFor(item, draw));
      return Array.from({ length: 1 + Math.floor(draw() * 2) }, () => madeFor(schema.items ?? {}, draw));
    case "object": {
      const { properties = {}, required = [] } = schema;
      // Few optional fields at a time: many of them exclude each other.
      const share = 3 / Object.keys(properties).length;
      const names = Object.keys(properties).filter((name) => required.includes(name) || draw() < share);
      return Object.fromEntries(names.map((name) => [name, madeFor(properties[name]!, draw)]));
    }
    default:
      return oneOf([1, "text", null]);
  }
}

it("the document is OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

it("every path that can be got answers as promised", async () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    if (!methods.get) continue;
    const answer = await fetch(server.url + path.replace("{model}", "sprites"));
    expect([path, answer.status]).toEqual([path, 200]);
    await expectPromised(path, "get", answer);
  }
  await expectPromised("/v1/models/{model}", "get", await fetch(`${server.url}/v1/models/nothing`));
});

describe("requests that are made from the document", () => {
  it("are answered as promised, most of them with images", async () => {
    const { schema } =
      document.paths["/v1/images/generations"]!.post!.requestBody!.content["application/json"]!;
    let made = 0;
    for (let i = 0; i < 60; i++) {
      const draw = drawsOf(keyFromSeed(i));
      const body = { ...(madeFor(schema, draw) as Record<string, unknown>), n: 1 };
      if (draw() < 0.8)
        Object.assign(body, { prompt: "cat", model: "sprites", ...("size" in body && { size: "64x64" }) });
      if ("deadline" in body) Object.assign(body, { deadline: 60_000 });
      const answer = await fetch(`${server.url}/v1/images/generations`, {
        ...{ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
      });
      expect([200, 400, 404], `${JSON.stringify(body)}: ${answer.status}`).toContain(answer.status);
      const answered = (await expectPromised("/v1/images/generations", "post", answer)) as
        | { data?: unknown[] }
        | string;
      if (typeof answered === "string") expect(answered).toMatch(/event: image_generation\.completed/);
      if (answer.status === 200) made++;
    }
    expect(made).toBeGreaterThan(20);
    expect(log.filter(({ event }) => event === "failure" || event === "batch failed")).toEqual([]);
  });

  it("with files too", async () => {
    const { schema } = document.paths["/v1/images/edits"]!.post!.requestBody!.content["multipart/form-data"]!;
    const image = await sharp({ create: { width: 64, height: 64, channels: 3, background: "#e07a5f" } })
      .png()
      .toBuffer();
    const white = await sharp({ create: { width: 64, height: 64, channels: 3, background: "#fff" } })
      .png()
      .toBuffer();
    let made = 0;
    for (let i = 0; i < 12; i++) {
      const draw = drawsOf(keyFromSeed(1000 + i));
      const fields = madeFor(schema, draw) as Record<string, unknown>;
      const form = new FormData();
      for (const [name, value] of Object.entries({ ...fields, n: 1, prompt: "cat", model: "sprites" })) {
        if (schema.properties![name]!.contentMediaType || name === "deadline" || value === null) continue;
        form.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
      }
      form.append("image", new File([Uint8Array.from(image)], "image.png"));
      form.append("mask", new File([Uint8Array.from(white)], "mask.png"));
      const answer = await fetch(`${server.url}/v1/images/edits`, { method: "POST", body: form });
      expect([200, 400]).toContain(answer.status);
      await expectPromised("/v1/images/edits", "post", answer);
      if (answer.status === 200) made++;
    }
    expect(made).toBeGreaterThan(3);
  });
});

/** Numbers in [0, 1), one after the other. */
function drawsOf(key: Key): () => number {
  let i = integerAt(key, 0, 1000);
  return () => uniformAt(key, i++);
}
