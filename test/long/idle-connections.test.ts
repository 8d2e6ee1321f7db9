import { test } from "node:test";
import { startClient } from "../http/client.ts";
import { assertGoesOnBeside } from "../http/idle-clients.ts";

test("10,000 connections that say nothing slow nobody down", async (t) => {
  await using veil = await startClient({});
  t.diagnostic(await assertGoesOnBeside(veil, 10_000));
});
