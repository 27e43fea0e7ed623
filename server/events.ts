/** Answers as server-sent events (WHATWG HTML, section 9.2), in the form that OpenAI's clients read. */
import type { SSEStreamingApi } from "hono/streaming";

/** Events that wait for a slow client; beyond it, those that can be missed are left out. */
const mostWaiting = 32;
/** A comment goes out so often, so that nothing between here and the client takes the connection for dead. */
const aliveMs = 15_000;

interface Event {
  readonly type: string;
  /** Its data; made when its turn comes. */
  readonly make: () => Promise<object> | object;
}

/** Sends events one after the other; whoever tells of one never waits for the client. */
export class Events {
  readonly #stream: SSEStreamingApi;
  readonly #waiting: Event[] = [];
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(stream: SSEStreamingApi) {
    this.#stream = stream;
  }

  /** An event that must arrive. */
  send(type: string, make: Event["make"]): void {
    this.#waiting.push({ type, make });
    this.#wake();
  }

  /** An event that a slow client may miss. */
  tell(type: string, make: Event["make"]): void {
    if (this.#waiting.length < mostWaiting) this.send(type, make);
  }

  /** No more events come. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /**
   * Writes events until the last one is out.
   *
   * @param stallMs  a client that takes nothing for so long is given up
   * @throws what making an event throws; an error when the client takes nothing
   */
  async run(stallMs: number): Promise<void> {
    const alive = setInterval(() => {
      if (this.#waiting.length === 0) void this.#stream.write(": still here\n\n").catch(() => {});
    }, aliveMs);
    try {
      while (!this.#isClosed || this.#waiting.length > 0) {
        const event = this.#waiting.shift();
        if (!event) await new Promise<void>((resolve) => (this.#wake = resolve));
        else await within(stallMs, this.#write(event));
      }
    } finally {
      clearInterval(alive);
    }
  }

  async #write({ type, make }: Event): Promise<void> {
    const data = JSON.stringify({ type, ...(await make()) });
    await this.#stream.writeSSE({ event: type, data });
  }
}

async function within(ms: number, writing: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the client takes no events")), ms);
  });
  try {
    await Promise.race([writing, late]);
  } finally {
    clearTimeout(timer);
  }
}
