// Writes the tables of docs/configuration.md and docs/storage from the schemas: `node scripts/write-configuration.mjs` under
// Node 24 or newer.
import { readFile, writeFile } from "node:fs/promises";
import { configFields } from "../src/config/fields.ts";
import { storeFields } from "../src/config/store-settings.ts";

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

for (const [kind, fields] of Object.entries(storeFields)) {
  const page = new URL(`../docs/storage/${kind}.md`, import.meta.url);
  const before = await readFile(page, "utf8");
  const lines = fields.map(
    ({ key, shown, description, expected }) => `| \`${key}\` | ${shown} | ${description} Expects ${expected}. |`,
  );
  const whole = `| Setting | Default | Meaning |\n| --- | --- | --- |\n${lines.join("\n")}\n`;
  const old = /\| Setting \| Default \| Meaning \|\n\| --- .*\n(?:\|.*\n)*/;
  const firstBlock = /```yaml\n[\s\S]*?```\n/;
  const after = old.test(before)
    ? before.replace(old, () => whole)
    : before.replace(firstBlock, (block) => `${block}\n${whole}`);
  await writeFile(page, after);
}
