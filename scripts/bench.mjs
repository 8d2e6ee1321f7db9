import { spawn } from "node:child_process";
import { join } from "node:path";
import { prepare, root } from "./bootstrap.mjs";
import { runMain } from "./report.mjs";

// npm run bench -- [flags]     pictures a second against the codec floor: bench/speed.ts
await runMain(async () => {
  const node = await prepare({ dev: true });
  const flags = ["--disable-warning=ExperimentalWarning", join(root, "bench", "speed.ts"), ...process.argv.slice(2)];
  const child = spawn(node, flags, { cwd: root, stdio: "inherit" });
  process.exitCode = await new Promise((done) => child.on("exit", done));
});
