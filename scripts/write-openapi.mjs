// Writes docs/openapi.yaml from the running program: `node scripts/write-openapi.mjs` under Node 24 or newer.
import { writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import { startProgram } from "../test/e2e/program.ts";

await using veil = await startProgram();
const description = await (await fetch(`${veil.address}/api/openapi.json`)).json();
await writeFile(new URL("../docs/openapi.yaml", import.meta.url), stringify(description));
