import { test } from "node:test";
import { manyClients } from "./many-clients.ts";

test("two hundred clients are served in turn, without an error, and a person is not stuck behind an import", async (context) => {
  await manyClients(context, { alone: 3, crowd: 12, beside: 5 });
});
