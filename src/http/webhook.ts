import { createHash, timingSafeEqual } from "node:crypto";
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from "fastify";
import { parseJson, parseS3Events } from "../core/s3-event.ts";
import { Problem } from "../errors.ts";
import type { Announce } from "../pipeline/announce.ts";
import type { Room } from "../pipeline/room.ts";
import type { ConnectionBudget } from "./connection-budget.ts";
import { limitConnections } from "./connections.ts";
import { answerWithProblems } from "./problem-reply.ts";
import { limitStalls } from "./stalled.ts";

export interface WebhookParts {
  /** What senders must know. */
  readonly token: string;
  readonly announce: Announce;
  readonly room: Pick<Room, "require">;
  readonly connections: ConnectionBudget;
  /** How long a request may take to come. */
  readonly requestMs?: number;
  /** By TLS, in PEM; absent: HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

const maxBytes = 4 * 2 ** 20;
const maxConnections = 4000;
const keptMs = 300_000;

/**
 * Takes what stores tell of their objects at `POST /webhook`: 200 once the names are durable, 503 when there is no room
 * for more. Apart from the page's server: it is reached from other machines, and has nothing else to say to them.
 */
export async function createWebhookServer(parts: WebhookParts, logger: FastifyBaseLogger): Promise<FastifyInstance> {
  const { token, announce, room, connections, tls, requestMs = 30_000 } = parts;
  const common = {
    ...{ loggerInstance: logger, logController: new LogController({ disableRequestLogging: true }) },
    ...{ bodyLimit: maxBytes, requestTimeout: requestMs, forceCloseConnections: "idle" as const },
    // A store that finds its connection closed may lose the event that it was about to send.
    keepAliveTimeout: keptMs,
  };
  const limits = { connections: maxConnections, headersMs: requestMs, requestMs };
  const server = (
    tls === undefined ? fastify(common) : fastify({ ...common, https: { ...tls, handshakeTimeout: requestMs } })
  ) as FastifyInstance;
  limitConnections(server, limits, connections.share("webhook", limits));
  limitStalls(server, requestMs);
  answerWithProblems(server);
  const expected = digestOf(token);
  server.addHook("onRequest", async ({ headers, query, routeOptions }) => {
    if (routeOptions.url !== "/webhook") return;
    // Ceph can send no header: there the token stands in the address.
    const { token: inAddress } = query as { token?: unknown };
    const said = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1] ?? String(inAddress ?? "");
    if (!timingSafeEqual(digestOf(said), expected)) {
      throw new Problem("unauthorized", "Expected the token of events.webhook.token", {
        remedy: "Send it as Authorization: Bearer TOKEN, or as ?token=TOKEN where the store can't.",
      });
    }
    await room.require();
  });
  // Whatever they call it: some send no content type, or another one.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "string" }, async (_request: unknown, body: string) => body);
  server.post("/webhook", async ({ body }) => {
    const announced = await announce(parseS3Events(parseJson(String(body ?? ""))));
    return { announced };
  });
  // Stores ask whether somebody is there.
  server.get("/webhook", async () => ({ announced: 0 }));
  server.get("/healthz", async () => ({ status: "ok" }));
  return server;
}

/** Of one length, whatever was said: how long the comparison takes tells nothing. */
function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
