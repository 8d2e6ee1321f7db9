import { handOver, prepare } from "./bootstrap.mjs";
import { runMain } from "./report.mjs";

await runMain(async () => {
  const node = await prepare({ page: true });
  await handOver(node, ["serve", "--set-up", ...process.argv.slice(2)]);
});
