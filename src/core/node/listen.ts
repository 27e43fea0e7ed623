/** Servers on a port of this machine. */
import type { Server } from "node:http";
import { InputError } from "../errors.ts";

/**
 * Lets a server take connections on a port (0: any that is free) of a host: an address of this machine, or its name. Messages begin
 * with `where`.
 *
 * @throws InputError for a port that is taken, and for one or a host that the system refuses
 */
export function listen(
  server: Server,
  { where, port, host }: { readonly where: string; readonly port: number; readonly host: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", ({ code, message }: NodeJS.ErrnoException) => {
      const reason =
        code === "EADDRINUSE" ? "it is taken; choose another one, or 0 for any that is free" : message;
      reject(new InputError(`${where}: cannot listen on port ${port} of ${host}: ${reason}`));
    });
    server.listen(port, host, () => resolve());
  });
}
