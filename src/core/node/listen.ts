/** Servers on a port of this machine. */
import { InputError } from "../errors.ts";

/** What is used of a Node server: named here, so that the package's declarations compile without Node's types. */
interface PortServer {
  once(event: "error", listener: (error: Error) => void): unknown;
  listen(port: number, host: string, listener: () => void): unknown;
}

/**
 * Lets a server take connections on a port (0: any that is free) of a host: an address of this machine, or its name. Messages begin
 * with `where`.
 *
 * @throws InputError for a port that is taken, and for one or a host that the system refuses
 */
export function listen(
  server: PortServer,
  { where, port, host }: { readonly where: string; readonly port: number; readonly host: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", ({ code, message }: Error & { code?: string }) => {
      const reason =
        code === "EADDRINUSE" ? "it is taken; choose another one, or 0 for any that is free" : message;
      reject(new InputError(`${where}: cannot listen on port ${port} of ${host}: ${reason}`));
    });
    server.listen(port, host, () => resolve());
  });
}
