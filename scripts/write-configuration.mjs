// Writes the table of docs/configuration.md from the schema: `node scripts/write-configuration.mjs` under Node 24 or newer.
import { readFile, writeFile } from "node:fs/promises";
import { configFields } from "../src/config/fields.ts";

const file = new URL("../docs/configuration.md", import.meta.url);
const text = await readFile(file, "utf8");
const rows = configFields.map(
  ({ path, env, shown, description, expected }) =>
    `| \`${path}\` | \`${env}\` | ${shown} | ${description} Expects ${expected}. |`,
);
const table = /(\| Setting \| Variable \|.*\n\| --- .*\n)(?:\|.*\n)*/;
await writeFile(
  file,
  text.replace(table, (_, head) => `${head}${rows.join("\n")}\n`),
);
