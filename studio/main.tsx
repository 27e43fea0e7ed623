/** The studio: a page that generates, with the models of the server that serves it. */
import { render } from "preact";
import "./styles/studio.css";
import "./styles/training.css";
import { App, start } from "./app.tsx";
import { isolate } from "./isolation/isolate.ts";

if (!(await isolate())) {
  render(<App />, document.getElementById("app")!);
  void start();
}
