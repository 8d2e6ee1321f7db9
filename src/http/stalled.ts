import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply } from "fastify";
import { isGone } from "./gone.ts";

/** What is in memory goes out in pieces of this size, as streams do: whoever takes one has moved. */
const pieceBytes = 256 * 1024;
/**
 * Whoever took nothing for so long gives way to others. A system tells of what was taken only once about a third of what it
 * holds for a connection is, which is up to 1.4 MB: at 5 kB/s that takes this long.
 */
const mostPatienceMs = 300_000;

export interface Answers {
  /** Whether nothing of the answer was taken for a while: then it is cut off, for others who want its place. */
  givesWay(reply: FastifyReply): boolean;
}

/** An answer on its way. */
interface Answer {
  readonly reply: FastifyReply;
  /** Since when something lies there that the client does not take; undefined: it waits for veil. */
  waitsSince: number | undefined;
}

/**
 * Cuts off clients that take nothing of their answers for `stallMs`: each would hold memory, a spool file or a store's
 * connection without end. Whoever reads slowly is served to the end, at more than some 1.5 kB/s where that is 15 minutes.
 * By HTTP/2 one answer is cut off, by HTTP/1 its connection.
 */
export function limitStalls(server: FastifyInstance, stallMs: number): Answers {
  const patienceMs = Math.min(mostPatienceMs, stallMs / 2);
  const answers = new Map<FastifyReply["raw"], Answer>();

  const waitedMs = ({ waitsSince }: Answer) => (waitsSince === undefined ? 0 : performance.now() - waitsSince);

  function cutOff({ reply }: Answer, ms: number): void {
    const { ip, id } = reply.request;
    reply.log.info({ address: ip, request: id, ms }, "an answer is cut off: nothing of it was taken");
    answers.delete(reply.raw);
    reply.raw.destroy();
  }

  function look(): void {
    for (const answer of answers.values()) {
      if (!waitsForClient(answer.reply)) answer.waitsSince = undefined;
      else answer.waitsSince ??= performance.now();
      if (waitedMs(answer) > stallMs) cutOff(answer, stallMs);
    }
  }

  const timer = setInterval(look, Math.min(5000, stallMs / 8)).unref();
  server.addHook("onClose", async () => clearInterval(timer));

  server.addHook("onSend", async (request, reply, payload) => {
    if (isGone(reply)) return payload;
    const { raw } = reply;
    const answer: Answer = { reply, waitsSince: undefined };
    answers.set(raw, answer);
    raw.on("drain", () => {
      answer.waitsSince = undefined;
    });
    raw.once("close", () => answers.delete(raw));
    const isWhole = typeof payload === "string" || Buffer.isBuffer(payload);
    if (!isWhole || payload.length <= pieceBytes || request.method === "HEAD") return payload;
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    reply.header("content-length", bytes.length);
    return Readable.from(piecesOf(bytes), { objectMode: false });
  });

  return {
    givesWay({ raw }) {
      const answer = answers.get(raw);
      if (answer === undefined || waitedMs(answer) < patienceMs) return false;
      cutOff(answer, patienceMs);
      return true;
    },
  };
}

/** Whether veil has given it something that it has not taken, or all. */
function waitsForClient({ raw }: FastifyReply): boolean {
  // By HTTP/1 it has no socket while others before it have the connection.
  return raw.socket !== null && (raw.writableNeedDrain || (raw.writableEnded && !raw.writableFinished));
}

function* piecesOf(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
