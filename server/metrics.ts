/** Figures for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What is counted; every server has its own. */
export type Metrics = ReturnType<typeof openMetrics>;

const seconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * @param read  asked when somebody looks: images in the queue, models that are loaded
 */
export function openMetrics(read: { waiting: () => number; loaded: () => number }) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "magnets_queue_images",
    help: "Images that wait or are decoded",
    registers,
    collect() {
      this.set(read.waiting());
    },
  });
  new Gauge({
    name: "magnets_models_loaded",
    help: "Models in memory",
    registers,
    collect() {
      this.set(read.loaded());
    },
  });
  return {
    registry,
    requests: new Counter({
      name: "magnets_requests_total",
      help: "Requests by operation and status; 499: the client left",
      labelNames: ["operation", "status"] as const,
      registers,
    }),
    requestSeconds: new Histogram({
      name: "magnets_request_seconds",
      help: "From a request's arrival to its answer's end",
      labelNames: ["operation"] as const,
      buckets: seconds,
      registers,
    }),
    waitSeconds: new Histogram({
      name: "magnets_wait_seconds",
      help: "From the queue's end to the first batch",
      buckets: seconds,
      registers,
    }),
    images: new Counter({
      name: "magnets_images_total",
      help: "Images or videos decoded",
      labelNames: ["model"] as const,
      registers,
    }),
    batchImages: new Histogram({
      name: "magnets_batch_images",
      help: "Images of a batch",
      buckets: [1, 2, 4, 8, 16, 32, 64],
      registers,
    }),
    batchRequests: new Histogram({
      name: "magnets_batch_requests",
      help: "Requests that shared a batch",
      buckets: [1, 2, 4, 8, 16, 32, 64],
      registers,
    }),
    batchSeconds: new Histogram({
      name: "magnets_batch_seconds",
      help: "Decoding of a batch",
      labelNames: ["model"] as const,
      buckets: seconds,
      registers,
    }),
    failures: new Counter({
      name: "magnets_batch_failures_total",
      help: "Batches that failed, by what came of it",
      labelNames: ["outcome"] as const,
      registers,
    }),
    modelEvents: new Counter({
      name: "magnets_model_events_total",
      help: "Models loaded, unloaded to make room, discarded after a failure",
      labelNames: ["event", "model"] as const,
      registers,
    }),
  };
}
