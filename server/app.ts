/** The server's answers, over the web's own requests and responses; server/index.ts puts it behind a port. */
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type Image, InputError, modelPlanCost, printModelSchedule } from "../src/index.ts";
import type { ApiKeys } from "./api-keys.ts";
import { Events } from "./events.ts";
import { ClientGone, HttpError, problemOf, starting, stopping } from "./http-error.ts";
import {
  classOf,
  edit,
  generation,
  inFieldsOf,
  type Making,
  prediction,
  seedInJson,
  videoGeneration,
} from "./making.ts";
import type { Metrics } from "./metrics.ts";
import { type Models, makesOf, type Pipeline, type ServedModel } from "./models.ts";
import { openApiDocument } from "./openapi.ts";
import { type Operation, type OperationName, operations } from "./operations.ts";
import { type Body, type BodyLimits, readBody } from "./read-body.ts";
import type { Done, Scheduler, Work, WorkStep } from "./scheduler.ts";
import type { Edit, Generation, Made, ModelAnswer, Prediction, VideoGeneration } from "./schemas.ts";

export interface AppOptions {
  readonly models: Models;
  readonly scheduler: Scheduler;
  readonly metrics: Metrics;
  /** Null: everybody may come in. */
  readonly keys: ApiKeys | null;
  readonly limits: BodyLimits & {
    /** Forms that are read at a time. */
    readonly forms: number;
    /** A client that takes nothing of a stream for so long is given up. */
    readonly stallMs: number;
  };
  /** Of the package. */
  readonly version: string;
  /** Requests are taken while it is ready, or alone: without the workers that are to decode, whom they then wait for. */
  readonly state: () => "starting" | "ready" | "stopping" | "alone";
  /** A seed for requests without one. */
  readonly newSeed: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Told of every request at its end. */
  readonly onRequest: (line: RequestLine) => void;
  /** Told of what should not have happened. */
  readonly onError: (error: unknown) => void;
}

/** What is logged of a request: sizes and times, and what was asked only for those who want it. */
export interface RequestLine {
  readonly operation: string;
  /** 499: the client left. */
  readonly status: number;
  readonly ms: number;
  readonly images: number;
  readonly bytesIn: number;
  readonly asked?: { readonly model: string; readonly seed: number | string; readonly fields: unknown };
}

/** What is known of a request while it is answered. */
interface Visit {
  /** By whom turns are taken: the key that came with it, else the address that it came from. */
  client: string;
  readonly operation: OperationName;
  readonly startedAt: number;
  images: number;
  bytesIn: number;
  status: number;
  asked?: RequestLine["asked"];
}

type Env = { Bindings: Partial<HttpBindings>; Variables: { visit: Visit } };

export function createApp(options: AppOptions): Hono<Env> {
  const { models, scheduler, metrics, keys, limits, now } = options;
  const app = new Hono<Env>();
  let formsInHand = 0;

  const answers: Record<
    OperationName,
    (c: Context<Env>, operation: Operation) => Promise<Response> | Response
  > = {
    createImage: (c, operation) =>
      make(c, operation, (body, served) => generation(body.fields as Generation, served, options.newSeed)),
    editImage: (c, operation) =>
      make(c, operation, (body, served) => edit(body.fields as Edit, served, options.newSeed, body.files)),
    createVideo: (c, operation) =>
      make(c, operation, (body, served) =>
        videoGeneration(body.fields as VideoGeneration, served, options.newSeed),
      ),
    predictVideo: (c, operation) =>
      make(c, operation, (body, served) =>
        prediction(body.fields as Prediction, served, options.newSeed, body.files),
      ),
    listModels: (c) => c.json({ object: "list", data: models.list().map(modelAnswer) }),
    getModel: (c) => c.json(modelAnswer(models.get(c.req.param("model")!))),
    health: (c) => c.text("ok"),
    ready: (c) => {
      const state = options.state();
      return state === "ready"
        ? c.text("ready")
        : c.text(state === "alone" ? "no workers" : "not ready", 503);
    },
    metrics: async (c) =>
      c.body(await metrics.registry.metrics(), 200, { "content-type": metrics.registry.contentType }),
    document: (c) => c.json(openApiDocument(options.version)),
  };

  for (const [name, operation] of Object.entries<Operation>(operations)) {
    const path = operation.path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(operation.method.toUpperCase(), path, (c) => visited(c, name as OperationName, operation));
    app.all(path, (c) => {
      const allow = operation.method === "get" ? "GET, HEAD" : "POST";
      throw new HttpError(
        405,
        "method_not_allowed",
        `${operation.path} is for ${allow}, got ${c.req.method}`,
        {
          allow,
        },
      );
    });
  }
  app.notFound((c) =>
    refuse(c, new HttpError(404, "not_found", "there is nothing here; GET /openapi.json says what there is")),
  );
  app.onError((error, c) => refuse(c, error));
  return app;

  /** Answers a request and counts it. A stream is counted when it ends. */
  async function visited(c: Context<Env>, name: OperationName, operation: Operation): Promise<Response> {
    const visit: Visit = {
      client: addressOf(c),
      operation: name,
      startedAt: now(),
      images: 0,
      bytesIn: 0,
      status: 200,
    };
    c.set("visit", visit);
    let response: Response;
    try {
      if (keys && operation.path.startsWith("/v1/")) {
        visit.client = `key ${keys.require(c.req.header("authorization"))}`;
      }
      response = await answers[name](c, operation);
      visit.status = response.status;
    } catch (error) {
      response = refuse(c, error);
      visit.status = error instanceof ClientGone ? 499 : response.status;
    }
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) counted(visit);
    return response;
  }

  function counted({ operation, startedAt, status, images, bytesIn, asked }: Visit): void {
    const ms = now() - startedAt;
    metrics.requests.inc({ operation, status: String(status) });
    metrics.requestSeconds.observe({ operation }, ms / 1000);
    options.onRequest({ operation, status, ms, images, bytesIn, ...(asked && { asked }) });
  }

  function refuse(c: Context<Env>, error: unknown): Response {
    const { status, headers, body } = problemOf(error);
    if (status === 500 && !(error instanceof ClientGone)) options.onError(error);
    return c.json(body, status as ContentfulStatusCode, headers);
  }

  /** Reads a request, decodes what it asks for together with others, answers. */
  async function make(
    c: Context<Env>,
    operation: Operation,
    read: (body: Body, served: ServedModel) => Making,
  ): Promise<Response> {
    const state = options.state();
    if (state === "starting") throw starting();
    if (state === "stopping") throw stopping();
    const visit = c.get("visit");
    const body = await readOne(c.req.raw, operation);
    visit.bytesIn = body.bytes;
    const fields = body.fields as { model?: string; steps?: unknown; plan?: unknown };
    const served = models.choose(fields.model, operation.makes!);
    const making = read(body, served);
    visit.images = making.count;
    visit.asked = { model: served.id, seed: seedInJson(making.seed), fields: body.fields };
    const endsAt = making.deadlineMs === null ? undefined : visit.startedAt + making.deadlineMs;
    const giveBack = scheduler.reserve(making.count);
    const gone = new AbortController();
    const leave = () => gone.abort(new ClientGone("the client left"));
    const { signal } = c.req.raw;
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    try {
      const prepared = await making
        .prepare((work) => withModel(served, work))
        .catch((error) => {
          throw inFieldsOf(fields, error);
        });
      const work = {
        model: served.id,
        client: visit.client,
        prepared,
        signal: gone.signal,
        ...(endsAt !== undefined && { endsAt }),
      };
      if (!making.isStreamed) {
        const done = await decoded(work);
        const answer = c.json(await answerOf(done));
        giveBack();
        return answer;
      }
      const { completed, partial, progress } = operation.events!;
      return streamSSE(c, async (stream) => {
        stream.onAbort(leave);
        const events = new Events(stream);
        const sending = events.run(limits.stallMs);
        sending.catch(() => leave());
        try {
          const done = await decoded({
            ...work,
            ...(partial !== null && partialImages(events, partial)),
            onStep: ({ step, total, factor, indexes }) => {
              events.tell(progress, () => ({ step, total, factor, indexes }));
            },
          });
          for (const i of done.images.keys()) events.send(completed, () => completedImage(done, i));
        } catch (error) {
          const problem = problemOf(error);
          visit.status = error instanceof ClientGone ? 499 : problem.status;
          if (problem.status === 500 && visit.status !== 499) options.onError(error);
          if (visit.status !== 499) events.send("error", () => problem.body);
        } finally {
          giveBack();
          events.close();
          await sending.catch(() => stream.abort());
          counted(visit);
        }
      });
    } catch (error) {
      giveBack();
      throw error;
    }

    async function answerOf(done: Done): Promise<Made> {
      const data = await Promise.all(done.images.map((_, i) => imageData(done, i)));
      return { ...sharedFacts(done), data };
    }

    async function completedImage(done: Done, i: number): Promise<object> {
      const { created, ...facts } = sharedFacts(done);
      return { ...(await imageData(done, i)), created_at: created, ...facts, ...plain };
    }

    async function imageData(done: Done, i: number) {
      const image = done.images[i]!;
      const index = indexOf(i);
      return {
        ...(await making.encode(image, { index, plan: done.plan })),
        seed: seedInJson(making.seed),
        index,
        class: classOf(image, served),
      };
    }

    /** Shows every image so often as is asked, evenly over its steps. */
    function partialImages(events: Events, type: string) {
      const wanted = making.partialImages;
      const turnOf = ({ step, total }: WorkStep): number => {
        const turns = Array.from({ length: wanted }, (_, k) => Math.floor(((k + 1) * total) / (wanted + 1)));
        return step === total ? -1 : turns.lastIndexOf(step);
      };
      return {
        wantsPreview: (seen: WorkStep) => turnOf(seen) >= 0,
        onPreview: (seen: WorkStep, images: readonly Image[]) => {
          for (const [k, image] of images.entries()) {
            events.tell(type, async () => ({
              ...(await making.encode(image, null)),
              partial_image_index: turnOf(seen),
              index: indexOf(seen.indexes[k]!),
              created_at: unixTime(),
              ...making.facts,
              ...plain,
            }));
          }
        },
      };
    }

    function indexOf(i: number): number {
      return ((body.fields as { first_index?: number }).first_index ?? 0) + i;
    }

    function sharedFacts({ plan, waitedSeconds, seconds, isKept }: Done) {
      const tokens =
        making.count * served.model.transformer.config.grid.reduce((size, side) => size * side, 1);
      return {
        created: unixTime(),
        model: served.id,
        plan: plan as unknown as Record<string, unknown>,
        seconds: { waited: waitedSeconds, decoding: seconds },
        ...(isKept !== undefined && { deadline_kept: isKept }),
        ...making.facts,
        usage: {
          input_tokens: 0,
          input_tokens_details: { image_tokens: 0, text_tokens: 0 },
          output_tokens: tokens,
          total_tokens: tokens,
        },
      };
    }
  }

  async function decoded(work: Work): Promise<Done> {
    const done = await scheduler.submit(work);
    metrics.waitSeconds.observe(done.waitedSeconds);
    return done;
  }

  /** Reads a body; of forms, which may be large, only some at a time. */
  async function readOne(request: Request, operation: Operation): Promise<Body> {
    if (!operation.files) return readBody(request, operation, limits);
    if (formsInHand >= limits.forms) {
      throw new HttpError(429, "queue_full", "too many uploads at a time; try again later", {
        "retry-after": "1",
      });
    }
    formsInHand++;
    try {
      return await readBody(request, operation, limits);
    } finally {
      formsInHand--;
    }
  }

  /** Lends a loaded model; what fails is done once more by the model loaded anew. */
  async function withModel<T>({ id }: ServedModel, work: (pipeline: Pipeline) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const lease = await models.lease(id);
      let isBroken = false;
      try {
        return await work(lease.pipeline);
      } catch (error) {
        isBroken = !(error instanceof InputError);
        if (!isBroken || attempt === 2) throw error;
      } finally {
        await lease.release(isBroken);
      }
    }
  }
}

/** What OpenAI's clients expect of every image in a stream. */
const plain = { background: "opaque", quality: "auto" } as const;

const addressOf = (c: Context<Env>): string => c.env?.incoming?.socket.remoteAddress ?? "";

const unixTime = (): number => Math.floor(Date.now() / 1000);

function modelAnswer(served: ServedModel): ModelAnswer {
  const { id, resolution, model } = served;
  const { config } = model.transformer;
  const described = (plan: typeof model.plan) => {
    const { multiplyAdds, ratio } = modelPlanCost(config, plan);
    return { ...plan, schedule: printModelSchedule(plan.modelSchedule), multiply_adds: multiplyAdds, ratio };
  };
  return {
    id,
    object: "model",
    created: 0,
    owned_by: "magnets",
    makes: makesOf(served),
    size: `${resolution}x${resolution}`,
    frames: model.tokenizer.config.frames ?? null,
    classes: [...model.classNames],
    tokens: config.grid.reduce((size, side) => size * side, 1),
    tasks: [...config.tasks],
    plan: described(model.plan),
    pareto_front: (model.paretoFront?.plans ?? []).map(({ plan, distance }) => ({
      plan: described(plan),
      distance,
    })),
  };
}
