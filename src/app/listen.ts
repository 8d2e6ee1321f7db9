import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { Problem } from "../errors.ts";

/** Where something listens, and by which settings. */
export interface ListenAt {
  readonly host: string;
  readonly port: number;
  /** What both settings begin with, for example `events.webhook.`; "" for the page's. */
  readonly section: string;
}

/** Resolves once it takes connections there. Problem: `invalid-config`, which names the setting. */
export async function listen(
  server: { listen(at: { readonly host: string; readonly port: number }): Promise<unknown> },
  at: ListenAt,
): Promise<void> {
  const { host, port } = at;
  await server.listen({ host, port }).catch((cause: unknown) => {
    throw listenProblem(at, cause);
  });
}

/** Whether something can listen there now; rejects as `listen` does. */
export async function tryListen(at: ListenAt): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const probe = createServer();
  probe.once("error", reject);
  probe.listen(at.port, at.host, () => probe.close(() => resolve()));
  await promise.catch((cause: unknown) => {
    throw listenProblem(at, cause);
  });
}

/** Whether it is something else that listens there, maybe this very veil. */
export function isTaken({ cause }: Problem): boolean {
  return (cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE";
}

/** For a browser: what a server listens at. */
export function addressOf({ address, family, port }: AddressInfo, scheme: "http" | "https" = "http"): string {
  // A server that listens everywhere is found here too.
  if (address === "0.0.0.0" || address === "::") return `${scheme}://localhost:${port}`;
  return `${scheme}://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

function listenProblem({ host, port, section }: ListenAt, cause: unknown): unknown {
  const { code = "" } = cause as NodeJS.ErrnoException;
  const invalid = (detail: string, remedy: string) => new Problem("invalid-config", detail, { remedy, cause });
  const another = section === "" ? "npm start -- --port 8090" : `${section}port`;
  if (code === "EADDRINUSE")
    return invalid(`Port ${port} is taken already`, `Stop what uses it, or choose another one: ${another}`);
  if (code === "EACCES") {
    const remedy = `Choose one above 1023 (${another}), or let a proxy on that port pass it on.`;
    return invalid(`veil may not listen on port ${port}`, remedy);
  }
  if (["EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN", "EINVAL"].includes(code)) {
    const remedy = `Set ${section}host to one of its own, such as 127.0.0.1, or 0.0.0.0 for all of them.`;
    return invalid(`${host} (${section}host) is no address of this machine (${code})`, remedy);
  }
  return cause;
}
