import type { AddressInfo } from "node:net";
import { Problem } from "../errors.ts";

interface Listener {
  listen(at: { readonly host: string; readonly port: number }): Promise<unknown>;
}

/** Resolves once it takes connections there. Problem invalid-config, with that remedy, where the port is taken. */
export async function listen(
  server: Listener,
  { host, port }: { readonly host: string; readonly port: number },
  remedy: string,
): Promise<void> {
  await server.listen({ host, port }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EADDRINUSE") throw cause;
    throw new Problem("invalid-config", `Port ${port} is taken already`, { remedy, cause });
  });
}

/** For a browser: what a server listens at. */
export function addressOf({ address, family, port }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
