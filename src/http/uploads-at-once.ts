import type { FastifyInstance, FastifyReply } from "fastify";
import { tooMany } from "../auth/limits.ts";
import type { Access } from "./access.ts";
import { allowedAt } from "./access-table.ts";
import { isGone } from "./gone.ts";
import type { Answers } from "./stalled.ts";

/** Bytes of all bodies in JSON at once: each takes a few times as much. */
const mostInMemory = 256 * 2 ** 20;

/** From its beginning until its answer was taken. */
interface Upload {
  readonly client: string;
  /** Of its body, where that is gathered in memory. */
  readonly bytes: number;
}

/** Bounds how many uploads lie in the spool at once, and their results, so that nobody takes all of it. */
export function limitUploads(server: FastifyInstance, access: Access, answers: Answers): void {
  const { uploadsAtOnce, clientUploadsAtOnce, login } = access;
  const most = login === undefined ? uploadsAtOnce : Math.min(clientUploadsAtOnce, uploadsAtOnce);
  const underWay = new Map<FastifyReply, Upload>();

  /** Whose answer nobody reads does not keep others out. Problem too-many-requests. */
  function requirePlace(isFull: (others: readonly Upload[]) => boolean, refusal: string, client?: string): void {
    const others = () => [...underWay].filter(([, upload]) => client === undefined || upload.client === client);
    const isStillFull = () => isFull(others().map(([, upload]) => upload));
    if (!isStillFull()) return;
    for (const [reply] of others()) if (answers.givesWay(reply)) underWay.delete(reply);
    if (isStillFull()) throw tooMany(1, refusal);
  }

  server.addHook("onRequest", async (request, reply) => {
    const { url } = request.routeOptions;
    const allowed = url === undefined ? undefined : allowedAt(request.method, url);
    if (request.method !== "POST" || !Array.isArray(allowed) || !allowed.includes("submit") || isGone(reply)) return;
    const client = request.principal?.id ?? "local";
    requirePlace(({ length }) => length >= uploadsAtOnce, `More than ${uploadsAtOnce} uploads at once`);
    requirePlace(({ length }) => length >= most, `More than ${most} uploads at once`, client);
    // What comes in JSON is gathered in memory. Whoever does not say how much it is may send as much as the route takes.
    const isJson = request.headers["content-type"]?.toLowerCase().startsWith("application/json") === true;
    const bytes = isJson ? Number(request.headers["content-length"] ?? request.routeOptions.bodyLimit) : 0;
    requirePlace((others) => {
      const inMemory = others.reduce((sum, upload) => sum + upload.bytes, 0);
      return inMemory > 0 && inMemory + bytes > mostInMemory;
    }, "More than fits in memory comes in JSON at once");
    underWay.set(reply, { client, bytes });
    reply.raw.once("close", () => underWay.delete(reply));
  });
}
