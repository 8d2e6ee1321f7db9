import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { prepare, root } from "./bootstrap.mjs";
import { BootstrapError, runMain } from "./report.mjs";

// npm run bench -- [flags]              pictures a second against the codec floor: bench/speed.ts
// npm run bench -- pipeline [flags]     bench/pipeline.ts, and so for each file there
await runMain(async () => {
  const [first = "", ...rest] = process.argv.slice(2);
  const isNamed = /^[a-z]/.test(first);
  const name = isNamed ? first : "speed";
  const file = join(root, "bench", `${name}.ts`);
  if (!existsSync(file)) throw new BootstrapError(`There is no bench ${name}: bench/${name}.ts`);
  const node = await prepare({ dev: true });
  const flags = ["--disable-warning=ExperimentalWarning", file, ...(isNamed ? rest : process.argv.slice(2))];
  const child = spawn(node, flags, { cwd: root, stdio: "inherit" });
  process.exitCode = await new Promise((done) => child.on("exit", done));
});
