/** The OpenAPI document, made from the table of operations and the schemas by which requests are read. */
import { z } from "zod";
import { type Operation, operations } from "./operations.ts";
import { errorSchema } from "./schemas.ts";

/** A JSON schema as the document holds it. */
function jsonSchema(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io,
    target: "draft-2020-12",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      delete (jsonSchema as Record<string, unknown>).allowed; // words for messages, not a keyword
      delete (jsonSchema as Record<string, unknown>).remedy;
    },
  });
  return rest;
}

const refusals: Readonly<Record<number, string>> = {
  400: "Something of the request is wrong; the message says what, and what to do.",
  401: "The API key is missing or not known.",
  404: "There is no such model.",
  413: "The body is too large.",
  415: "The body is of another content type than it must be.",
  429: "The queue is full, or others took the time of a deadline; Retry-After says when to come again.",
  500: "The model failed.",
  503: "The server is starting or stopping; with the code stopped, the request was accepted and is cut off.",
};

/** @param version  of the package */
export function openApiDocument(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [operationId, operation] of Object.entries<Operation>(operations)) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method]: describe(operationId, operation),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "MaGNeTS",
      version,
      description: "Images and videos by masked generative nested transformers.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: { Error: jsonSchema(errorSchema, "output") },
      securitySchemes: {
        apiKey: {
          type: "http",
          scheme: "bearer",
          description: "Only where the server was started with keys.",
        },
      },
    },
  };
}

function describe(operationId: string, operation: Operation) {
  const { summary, path, body, files, answer, events } = operation;
  const isOpen = !path.startsWith("/v1/");
  const content =
    typeof answer === "string"
      ? { [answer]: { schema: { type: answer === "text/plain" ? "string" : "object" } } }
      : { "application/json": { schema: jsonSchema(answer, "output") } };
  const error = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };
  const statuses = isOpen ? (operationId === "ready" ? [503] : []) : Object.keys(refusals).map(Number);
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  return {
    operationId,
    summary,
    security: isOpen ? [] : [{}, { apiKey: [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: bodyContent(body, files) } }),
    responses: {
      200: {
        description: "Done.",
        content: {
          ...content,
          ...(events && {
            "text/event-stream": {
              schema: {
                type: "string",
                description: `Events ${Object.values(events).filter(Boolean).join(", ")}.`,
              },
            },
          }),
        },
      },
      ...Object.fromEntries(
        statuses.map((status) => [
          status,
          {
            description: refusals[status],
            content: operationId === "ready" ? { "text/plain": { schema: { type: "string" } } } : error,
          },
        ]),
      ),
    },
  };
}

function bodyContent(body: z.ZodType, files: Operation["files"]) {
  const schema = jsonSchema(body, "input") as { properties: object; required?: string[] };
  if (!files) return { "application/json": { schema } };
  const parts = Object.entries(files).map(([name, { description, types }]) => [
    name,
    { type: "string", contentMediaType: "application/octet-stream", description: `${types}. ${description}` },
  ]);
  const required = Object.entries(files).flatMap(([name, { isRequired }]) => (isRequired ? [name] : []));
  return {
    "multipart/form-data": {
      schema: {
        ...schema,
        properties: { ...Object.fromEntries(parts), ...schema.properties },
        required: [...required, ...(schema.required ?? [])],
      },
    },
  };
}
