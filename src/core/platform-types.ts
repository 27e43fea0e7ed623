/**
 * Global types that the public declarations name, and that a user's compiler may not have: without this file a project
 * that checks its libraries (`skipLibCheck: false`) needs the DOM types or @types/node only to import a pipeline.
 * Where those are there, these empty interfaces merge with theirs and change nothing.
 */
/// <reference lib="esnext.disposable" preserve="true" />

declare global {
  interface AbortSignal {}
  /** Named by zod's declarations. */
  interface URL {}
}

export {};
