import type { AddressInfo } from "node:net";
import { Readable, Writable } from "node:stream";
import { after } from "node:test";
import { type FastifyInstance, fastify } from "fastify";
import { createConnectionBudget } from "../../src/http/connection-budget.ts";
import { closeWithin, limitConnections } from "../../src/http/connections.ts";
import { createLog } from "../../src/log.ts";
import { makeCertificate } from "../fixtures/certificate.ts";

export const certificate = await makeCertificate();
/** What needs a certificate is left out where there can be none. */
export const secure = { skip: certificate === undefined && "not run: there is no openssl" };

export type Way = "HTTP" | "TLS" | "HTTP/2";
export const ways = ["HTTP", "TLS", "HTTP/2"] as const;
const transports: Readonly<Record<Way, object>> = {
  HTTP: {},
  TLS: { https: { ...certificate } },
  "HTTP/2": { http2: true, https: { ...certificate, allowHTTP1: true } },
};
const servers: FastifyInstance[] = [];
after(() => Promise.all(servers.map((server) => closeWithin(server, 100))));

/** A server that gives each address five connections, this machine's too. */
export async function openServer(way: Way) {
  const lines: string[] = [];
  const to = new Writable({
    write(line, _encoding, done) {
      lines.push(String(line));
      done();
    },
  });
  const options = {
    loggerInstance: createLog({ level: "info", human: false, to }),
    forceCloseConnections: "idle" as const,
  };
  const server = fastify({ ...transports[way], ...options }) as unknown as FastifyInstance;
  const budget = createConnectionBudget({ isOwn: () => false });
  const rest = Promise.withResolvers<void>();
  const limits = { connections: 100, addressConnections: 5, headersMs: 60_000, requestMs: 60_000 };
  limitConnections(server, limits, budget.share("page", limits));
  server.get("/", { logLevel: "silent" }, async ({ raw }) => raw.httpVersion);
  server.post("/refused", async (_request, reply) => reply.code(418).send("no"));
  server.get("/halves", async (_request, reply) => {
    const halves = async function* () {
      yield "one ";
      await rest.promise;
      yield "two";
    };
    return reply.send(Readable.from(halves()));
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", async () => undefined);
  servers.push(server);
  await server.listen({ host: "127.0.0.1", port: 0 });
  const { port } = server.server.address() as AddressInfo;
  return { server, port, lines, rest: rest.resolve, page: () => budget.figures().page! };
}
