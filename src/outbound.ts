import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { domainToASCII } from "node:url";
import { Problem } from "./errors.ts";
import { isPrivateAddress, resolveOutbound } from "./outbound-address.ts";

export interface OutboundOptions {
  /** Hosts that may lie in a private network, names or addresses, as somebody has named them in the configuration. */
  readonly privateHosts?: readonly string[];
  /** How such a one is named. */
  readonly remedy: string;
  readonly timeoutMs?: number;
}

const mostRedirects = 5;
const redirects = new Set([301, 302, 303, 307, 308]);

/**
 * A `fetch` for addresses that others may have a say in: each name is resolved once, the request goes to the address that
 * was checked, and a redirect is checked like a first request. Plain HTTP goes to named private hosts alone. Problems:
 * invalid-config for an address that is not allowed, store-unavailable.
 */
export function createOutbound({ privateHosts = [], remedy, timeoutMs = 15_000 }: OutboundOptions): typeof fetch {
  const named = new Set(privateHosts.map(plainHost));
  return async (input, init) => {
    let request = new Request(input, { ...init, redirect: "manual" });
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]);
    for (let followed = 0; ; followed++) {
      const answer = await send(request, body, signal);
      const { location } = answer.headers;
      const isRead = request.method === "GET" || request.method === "HEAD";
      if (!redirects.has(answer.statusCode!) || location === undefined || !isRead) return responseOf(answer);
      answer.destroy();
      if (followed === mostRedirects) throw away(new URL(request.url), "it redirects without end");
      request = redirected(request, location);
    }
  };

  async function send(request: Request, body: Buffer | undefined, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(request.url);
    const isPlain = url.protocol === "http:";
    if (!isPlain && url.protocol !== "https:")
      throw new Problem("invalid-config", `Expected https, but ${url.protocol} is neither http nor https`);
    const { address, family } = await resolveOutbound(url, named.has(plainHost(url.hostname)), remedy);
    if (isPlain && !isPrivateAddress(address)) throw new Problem("invalid-config", `Expected https for ${url.host}`);
    return new Promise((resolve, reject) => {
      const sent = (isPlain ? httpRequest : httpsRequest)(
        url,
        {
          method: request.method,
          headers: { ...Object.fromEntries(request.headers), ...(body && { "content-length": body.length }) },
          // The address that was checked, whatever the name's server says now; the certificate is still the name's.
          lookup: (_host, { all }, done) => (all ? done(null, [{ address, family }]) : done(null, address, family)),
          agent: false,
          signal,
        },
        resolve,
      );
      sent.once("error", (cause: NodeJS.ErrnoException) => reject(away(url, cause.code ?? cause.name, cause)));
      sent.end(body);
    });
  }
}

function redirected(request: Request, location: string): Request {
  const to = new URL(location, request.url);
  const headers = new Headers(request.headers);
  // Whom another host is, nobody knows.
  if (to.origin !== new URL(request.url).origin) for (const name of ["authorization", "cookie"]) headers.delete(name);
  return new Request(to, { method: request.method, headers, signal: request.signal, redirect: "manual" });
}

function responseOf(answer: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, values] of Object.entries(answer.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  const status = answer.statusCode!;
  const isEmpty = [101, 204, 205, 304].includes(status);
  if (isEmpty) answer.destroy();
  return new Response(isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>), { status, headers });
}

/** As URLs have it: a name's case means nothing, nor the dot behind it, and it may be of any script. */
function plainHost(host: string): string {
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
  return domainToASCII(name) || name;
}

function away({ host }: URL, why: string, cause?: unknown): Problem {
  return new Problem("store-unavailable", `${host} was not reached (${why})`, { cause });
}
