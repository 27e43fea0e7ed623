/** A Redis of one's own, from Debian's redis-server, that keeps its data over a restart. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether redis-server is installed. */
export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;

export interface RedisServer {
  readonly url: string;
  /** Stops it by a signal, waits for what happens meanwhile, and starts it again on the same data. */
  restart(signal: NodeJS.Signals, meanwhile?: () => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one on a free port of this machine, with its data in a temporary folder. */
export async function startRedis(): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "magnets-redis-"));
  const port = await freePort();
  let server = await start(port, folder);
  const end = async (signal: NodeJS.Signals) => {
    const ended = once(server, "exit");
    server.kill(signal);
    await ended;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    async restart(signal, meanwhile) {
      await end(signal);
      await meanwhile?.();
      server = await start(port, folder);
    },
    async stop() {
      await end("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function start(port: number, folder: string): Promise<ChildProcess> {
  const options = {
    "--port": port,
    "--bind": "127.0.0.1",
    "--dir": folder,
    "--appendonly": "yes",
    "--save": "",
  };
  const server = spawn("redis-server", Object.entries(options).flat().map(String));
  await new Promise<void>((resolve, reject) => {
    server.stdout.on("data", (data) => {
      if (/Ready to accept connections/.test(String(data))) resolve();
    });
    server.on("exit", (code) => reject(new Error(`redis-server ended with ${code}`)));
  });
  return server;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  return port;
}
