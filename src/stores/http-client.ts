import { readFile } from "node:fs/promises";
import { Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { pipeline, type Readable } from "node:stream";
import { Problem } from "../errors.ts";
import { httpProblem } from "./http-problem.ts";

export interface HttpTimeouts {
  /** Until a connection stands, its certificate included. */
  readonly connectMs?: number;
  /** How long a server may be silent where it is its turn. */
  readonly idleMs?: number;
}

export interface HttpCall {
  readonly method: string;
  readonly url: URL;
  /** As it is sent, in place of the address's own, for names that an address would lose: `..` and the like. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is destroyed when the call has ended, unless the server answered before it took any of it. */
  readonly body?: Readable | string;
  /** What a failure's message begins with, for example "Cannot read a.jpg from archive". */
  readonly what: string;
  /** Ends the call, and the reading of its answer, as a lost connection does. */
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read to its end or destroyed: it holds a connection. */
  readonly body: Readable;
  /** Nothing of the call's body was sent, so that it can be sent again. */
  readonly isBodyUntouched: boolean;
}

/** Calls one server after another; redirects are answers like any other. */
export interface HttpClient {
  /** Problem: `store-unavailable` where no answer comes; what the body fails with, as it is. */
  call(call: HttpCall): Promise<HttpAnswer>;
  /** Ends all connections. */
  close(): void;
}

// Shorter than servers keep a silent connection: what they close is not used again.
const keepMs = 2_000;
const continueMs = 1_000;
// A server that was silent so often when it was asked whether it wants a body is not asked any more.
const mostSilences = 3;

interface Agents {
  readonly plain: Agent;
  readonly secure: TlsAgent;
  readonly ca: string | undefined;
}

/** `caFile`: certificates in PEM that are trusted in place of the system's. */
export function createHttpClient({ connectMs = 10_000, idleMs = 30_000 }: HttpTimeouts, caFile?: string): HttpClient {
  let opened: Promise<Agents> | undefined;
  let silences = 0;

  async function open(): Promise<Agents> {
    const keeping = { keepAlive: true, timeout: keepMs };
    if (caFile === undefined) return { plain: new Agent(keeping), secure: new TlsAgent(keeping), ca: undefined };
    const ca = await readFile(caFile, "utf8").catch((error: unknown) => {
      opened = undefined;
      throw new Problem("invalid-config", `Cannot read ${caFile}, which caFile names`, { cause: error });
    });
    return { plain: new Agent(keeping), secure: new TlsAgent({ ...keeping, ca }), ca };
  }

  function start(
    { method, url, path, headers, body, signal }: HttpCall,
    { plain, secure, ca }: Agents,
    isFresh: boolean,
  ) {
    const asks = typeof body === "object" && silences < mostSilences;
    const all = { "accept-encoding": "identity", ...headers, ...(asks ? { expect: "100-continue" } : {}) };
    const options = { method, headers: all, ...(path !== undefined && { path }), ...(signal && { signal }) };
    // A body that is sent unasked can't be sent again over another connection.
    const isNew = isFresh || (typeof body === "object" && !asks);
    if (url.protocol === "http:") return request(url, { ...options, agent: isNew ? false : plain });
    return tlsRequest(url, { ...options, ...(ca !== undefined && { ca }), agent: isNew ? false : secure });
  }

  function once(call: HttpCall, agents: Agents, isFresh: boolean): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const { body, url, what } = call;
      const sent = start(call, agents, isFresh);
      let bodyFailure: { readonly error: unknown } | undefined;
      let isTouched = false;
      let response: IncomingMessage | undefined;
      const sendBody = (stream: Readable) => {
        if (isTouched || response !== undefined || sent.destroyed) return;
        isTouched = true;
        // What goes wrong is told by the error event of the one or the other, or by an answer.
        pipeline(stream, sent, () => {});
      };
      let waiting: NodeJS.Timeout | undefined;
      const unwatch = watchSilence(
        sent,
        () => response,
        { connectMs, idleMs },
        () => {
          if (typeof body !== "object") return;
          if (sent.getHeader("expect") === undefined) return sendBody(body);
          waiting = setTimeout(() => {
            silences += 1;
            sendBody(body);
          }, continueMs);
        },
      );
      sent.once("close", () => clearTimeout(waiting));
      if (typeof body !== "object") sent.end(body);
      else {
        sent.once("continue", () => {
          silences = 0;
          clearTimeout(waiting);
          sendBody(body);
        });
        body.once("error", (error) => {
          bodyFailure = { error };
          if (!isTouched) sent.destroy(error);
        });
        body.once("close", () => {
          if (!isTouched && !body.readableEnded && response === undefined)
            sent.destroy(new Error("the body was ended"));
        });
        sent.flushHeaders();
      }

      sent.once("response", (answer) => {
        response = answer;
        clearTimeout(waiting);
        answer.once("close", () => {
          unwatch();
          if (body !== undefined && !sent.writableFinished) sent.destroy();
        });
        const { statusCode: status = 0, headers } = answer;
        resolve({ status, headers, body: answer, isBodyUntouched: !isTouched });
      });
      sent.on("error", (error) => {
        unwatch();
        if (response !== undefined) return response.destroy(error);
        // The server had closed that connection before it was used again, so it has seen nothing of the call.
        const isStale = sent.reusedSocket && !isTouched && bodyFailure === undefined && codeOf(error) === "ECONNRESET";
        if (isStale && !isFresh) return void once(call, agents, true).then(resolve, reject);
        reject(bodyFailure === undefined ? httpProblem(error, what, url) : bodyFailure.error);
      });
    });
  }

  return {
    async call(call) {
      opened ??= open();
      const agents = await opened;
      const answer = await once(call, agents, false);
      if (answer.status !== 417 || !answer.isBodyUntouched) return answer;
      // It does not like to be asked.
      silences = mostSilences;
      answer.body.destroy();
      return await once(call, agents, true);
    },
    close() {
      opened?.then(
        ({ plain, secure }) => {
          plain.destroy();
          secure.destroy();
        },
        () => undefined,
      );
      opened = undefined;
    },
  };
}

/** Ends a request whose connection does not stand in time, or whose server is silent where it is its turn. */
function watchSilence(
  sent: ClientRequest,
  response: () => IncomingMessage | undefined,
  { connectMs, idleMs }: { readonly connectMs: number; readonly idleMs: number },
  onConnected: () => void,
): () => void {
  let moved = -1;
  let timer = setTimeout(() => sent.destroy(timedOut(`no connection within ${connectMs} ms`)), connectMs);
  const look = () => {
    const { bytesRead = 0, bytesWritten = 0 } = sent.socket ?? {};
    const answer = response();
    const isOurTurn =
      answer === undefined ? !sent.writableEnded && sent.writableLength === 0 : answer.readableLength > 0;
    if (!isOurTurn && moved === bytesRead + bytesWritten) {
      const silent = timedOut(`silent for ${idleMs} ms`);
      return void (answer ?? sent).destroy(silent);
    }
    moved = isOurTurn ? -1 : bytesRead + bytesWritten;
    timer = setTimeout(look, idleMs);
  };
  const stands = () => {
    clearTimeout(timer);
    look();
    onConnected();
  };
  sent.once("socket", (socket) => {
    if (!socket.connecting) return stands();
    socket.once("encrypted" in socket ? "secureConnect" : "connect", stands);
  });
  const end = () => clearTimeout(timer);
  sent.once("close", end);
  return end;
}

function codeOf(error: Error): unknown {
  return "code" in error ? error.code : undefined;
}

function timedOut(message: string): Error {
  return Object.assign(new Error(message), { code: "ETIMEDOUT" });
}
