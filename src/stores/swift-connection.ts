import type { Readable } from "node:stream";
import { Problem } from "../errors.ts";
import { discard } from "./http-body.ts";
import { createHttpClient, type HttpAnswer, type HttpTimeouts } from "./http-client.ts";
import { problemFor } from "./problem-for.ts";
import { authenticate, type SwiftAccess, type SwiftSettings } from "./swift-auth.ts";

export interface SwiftCall {
  readonly method: string;
  /** Absent: of the container. */
  readonly object?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readable;
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/** One container, with a token that is renewed when it is refused. */
export interface SwiftConnection {
  /** Problem: `store-denied` where a fresh token is refused, too. */
  call(call: SwiftCall): Promise<HttpAnswer>;
  /** Of the storage, for messages; known once a call was made. */
  address(): URL;
  close(): void;
}

export function createSwiftConnection(settings: SwiftSettings, name: string, timeouts: HttpTimeouts): SwiftConnection {
  const http = createHttpClient(timeouts, settings.caFile);
  let access: Promise<SwiftAccess> | undefined;
  let storage = new URL(settings.authUrl);

  async function enter(what: string, refused?: SwiftAccess): Promise<SwiftAccess> {
    const before = access;
    const now = await before?.catch(() => undefined);
    if (now !== undefined && now !== refused && Date.now() < now.renewAt) return now;
    // Somebody else may have begun meanwhile.
    if (access === before) access = logIn();
    return await (access as Promise<SwiftAccess>).catch((error: unknown) => {
      throw problemFor(what, error);
    });
  }

  async function logIn(): Promise<SwiftAccess> {
    const fresh = await authenticate(http, settings, name);
    storage = fresh.storageUrl;
    return fresh;
  }

  function pathOf({ object, query }: SwiftCall, { storageUrl }: SwiftAccess): string {
    const parts = [storageUrl.pathname.replace(/\/$/, ""), encodeURIComponent(settings.container)];
    if (object !== undefined) parts.push(object.split("/").map(encoded).join("/"));
    return `${parts.join("/")}${query === undefined ? "" : `?${new URLSearchParams(query)}`}`;
  }

  return {
    async call(call) {
      let inside = await enter(call.what);
      for (let isAgain = false; ; isAgain = true) {
        const { method, body, what, signal } = call;
        const headers = { ...call.headers, "x-auth-token": inside.token };
        const path = pathOf(call, inside);
        const sent = { method, url: inside.storageUrl, path, headers, what, signal, ...(body && { body }) };
        const answer = await http.call(sent);
        if (answer.status !== 401) return answer;
        await discard(answer);
        if (isAgain) {
          throw new Problem("store-denied", `${what}: the server refuses the token that it has just given`, {
            remedy: "Check project, region and what the account may do there.",
          });
        }
        inside = await enter(what, inside);
        if (body !== undefined && !answer.isBodyUntouched) {
          throw new Problem("store-unavailable", `${what}: the token ended as the body was sent`);
        }
      }
    },
    address: () => storage,
    close: () => http.close(),
  };
}

/** Proxies take segments of dots for steps, even where they are plain names. */
function encoded(segment: string): string {
  return /^\.{1,2}$/.test(segment) ? segment.replaceAll(".", "%2E") : encodeURIComponent(segment);
}
