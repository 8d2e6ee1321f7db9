import type { Config } from "../config.ts";

/** What a command that veil proposes needs to find the same data folder: nothing, where it is the default. */
export function dataDirFlag({ dataDir, origins }: Pick<Config, "dataDir" | "origins">): string {
  if (origins.dataDir === "default") return "";
  return ` --data-dir ${/^[\w./+:@,-]+$/.test(dataDir) ? dataDir : `'${dataDir.replaceAll("'", `'\\''`)}'`}`;
}
