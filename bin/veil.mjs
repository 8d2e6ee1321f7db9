#!/usr/bin/env node
import { handOver, prepare } from "../scripts/bootstrap.mjs";
import { runMain } from "../scripts/report.mjs";

await runMain(async () => {
  const args = process.argv.slice(2);
  const node = await prepare({ page: args[0] === "serve" });
  await handOver(node, args);
});
