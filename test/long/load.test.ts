import { test } from "node:test";
import { manyClients } from "../load/many-clients.ts";

test("two hundred clients for two minutes are served in turn, without an error, and memory does not grow", async (context) => {
  await manyClients(context, { alone: 20, crowd: 120, beside: 30 });
});
