/**
 * Everything that can be asked of the server: one table, by which requests are read (server/app.ts) and described
 * (server/openapi.ts).
 */
import type { z } from "zod";
import type { Makes } from "./models.ts";
import {
  editSchema,
  generationSchema,
  madeSchema,
  modelListSchema,
  modelSchema,
  predictionSchema,
  videoSchema,
} from "./schemas.ts";

export interface Operation {
  readonly method: "get" | "post";
  /** With parameters as OpenAPI has them: `/v1/models/{model}`. */
  readonly path: string;
  readonly summary: string;
  /** What is made, which decides the models that can be asked; left out: nothing. */
  readonly makes?: Makes;
  /** What the body holds; left out: there is none. */
  readonly body?: z.ZodType;
  /** Files beside the body's fields; such a body is a form, others are JSON. */
  readonly files?: Readonly<
    Record<string, { readonly description: string; readonly isRequired: boolean; readonly types: string }>
  >;
  /** What is answered: JSON by a schema, or another content type. */
  readonly answer: z.ZodType | string;
  /** Names of the events, where it can be answered by them. */
  readonly events?: {
    readonly completed: string;
    readonly partial: string | null;
    readonly progress: string;
  };
}

const images = "PNG, JPEG or WebP";

export const operations = {
  createImage: {
    method: "post",
    path: "/v1/images/generations",
    summary: "Makes images of a class.",
    makes: "images",
    body: generationSchema,
    answer: madeSchema,
    events: {
      completed: "image_generation.completed",
      partial: "image_generation.partial_image",
      progress: "image_generation.progress",
    },
  },
  editImage: {
    method: "post",
    path: "/v1/images/edits",
    summary: "Makes a part of an image again.",
    makes: "images",
    body: editSchema,
    files: {
      image: {
        description: "Cropped in the centre and resized to the model's size.",
        isRequired: true,
        types: images,
      },
      mask: {
        description:
          "Of the image's size, or the model's: transparent where the image is made again, or without transparency white. " +
          "Left out: the image's own transparency marks it.",
        isRequired: false,
        types: images,
      },
    },
    answer: madeSchema,
    events: {
      completed: "image_edit.completed",
      partial: "image_edit.partial_image",
      progress: "image_edit.progress",
    },
  },
  createVideo: {
    method: "post",
    path: "/v1/videos",
    summary: "Makes short videos of a class, as animated images.",
    makes: "videos",
    body: videoSchema,
    answer: madeSchema,
    events: { completed: "video_generation.completed", partial: null, progress: "video_generation.progress" },
  },
  predictVideo: {
    method: "post",
    path: "/v1/predictions",
    summary: "Goes on with a video, or fills it in between its ends.",
    makes: "videos",
    body: predictionSchema,
    files: {
      video: {
        description: "Its first frames are given, or to interpolate its first and last one.",
        isRequired: true,
        types: "animated GIF or WebP",
      },
    },
    answer: madeSchema,
    events: { completed: "video_prediction.completed", partial: null, progress: "video_prediction.progress" },
  },
  listModels: {
    method: "get",
    path: "/v1/models",
    summary: "The models that are served, with their classes, sizes and plans.",
    answer: modelListSchema,
  },
  getModel: {
    method: "get",
    path: "/v1/models/{model}",
    summary: "One model.",
    answer: modelSchema,
  },
  health: { method: "get", path: "/healthz", summary: "Whether the process answers.", answer: "text/plain" },
  ready: {
    method: "get",
    path: "/readyz",
    summary: "Whether requests are taken: 503 while the server starts or stops.",
    answer: "text/plain",
  },
  metrics: { method: "get", path: "/metrics", summary: "Figures for Prometheus.", answer: "text/plain" },
  document: { method: "get", path: "/openapi.json", summary: "This document.", answer: "application/json" },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;
