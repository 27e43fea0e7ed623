/**
 * A service worker for hosts whose headers cannot be set: it hands every answer of its folder on with the headers that
 * isolate the page, which is what a browser wants to see before it gives WebAssembly threads. Nothing else is changed, and
 * nothing kept.
 */

/** Of the names in a service worker those that are used here. */
interface WorkerScope {
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  addEventListener(type: "install" | "activate", answer: (event: Lasting) => void): void;
  addEventListener(type: "fetch", answer: (event: Fetching) => void): void;
}
interface Lasting {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
const scope = self as unknown as WorkerScope;

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("fetch", (event) => {
  const { request } = event;
  // Others' answers are theirs; one that may come from the browser's own store alone cannot be fetched from here.
  if (new URL(request.url).origin !== self.location.origin || request.cache === "only-if-cached") return;
  event.respondWith(fetch(request).then(isolated));
});

function isolated(response: Response): Response {
  // What redirects is for the browser to follow, and has no headers that could be set.
  if (response.status === 0 || response.type === "opaqueredirect") return response;
  const headers = new Headers(response.headers);
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-embedder-policy", "require-corp");
  headers.set("cross-origin-resource-policy", "same-origin");
  const hasBody = ![101, 204, 205, 304].includes(response.status);
  return new Response(hasBody ? response.body : null, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}
