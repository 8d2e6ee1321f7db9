import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// In the clone, not in the system's folder for temporary files, where others could put code for veil to run.
enableCompileCache(fileURLToPath(new URL("../.cache/compiled", import.meta.url)));
const { run } = await import("./cli.ts");
process.exitCode = await run(process.argv.slice(2));
// Node waits at its very end for requests of handles, and now and then, where a connection was refused, for ever.
process.on("exit", () => process.exit());
