import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { recordsQuerySchema, recordsResponseSchema } from "./ledger-schema.ts";
import type { HttpParts } from "./parts.ts";

/** What the ledger says, for whoever audits it. */
export function ledgerRoutes({ records }: Pick<HttpParts, "records">): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      "/ledger/records",
      {
        schema: {
          summary: "Sealed records of the ledger",
          description:
            "In the chain's order, a page at a time. The newest second may not be sealed yet. Whether the chain holds is for `veil ledger verify`, away from the service.",
          tags: ["operation"],
          querystring: recordsQuerySchema,
          response: { 200: recordsResponseSchema },
        },
      },
      async ({ query: { from, limit, path, digest, since, until, outcome } }) => {
        const time = (text: string | undefined) => (text === undefined ? undefined : Date.parse(text));
        const wish = { path, digest, since: time(since), until: time(until), outcomes: outcome?.split(",") };
        const found = (await records(from, limit, wish)).map(
          (line) => JSON.parse(line) as { position: number; type: string },
        );
        const last = found.at(-1);
        return { records: found, next: found.length < limit || last === undefined ? null : last.position + 1 };
      },
    );
  };
}
