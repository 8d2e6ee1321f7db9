import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { Writable } from "node:stream";
import type { ConfigFlags } from "../config/layers.ts";
import { Problem } from "../errors.ts";
import { valueAt } from "../ledger/canonical.ts";
import { csvHeader, csvLine, foundRecords, jsonLine, timeOf } from "../ledger/export.ts";
import type { FoundRecord } from "../ledger/seals.ts";
import { openLedger, type QueryFlags, queryOf, sealNewest } from "./ledger-open.ts";
import { printable } from "./printable.ts";

/** `veil ledger find`: records, one line each; 1 where there is none. */
export async function find(
  flags: ConfigFlags,
  options: QueryFlags & { limit: string; json?: boolean },
): Promise<number> {
  const query = queryOf(options);
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1) {
    throw new Problem("invalid-request", `Expected a whole number for --limit but received ${options.limit}`);
  }
  const { data, config } = await openLedger(flags);
  await using _ = data;
  await sealNewest(data, config);
  let found = 0;
  for await (const record of foundRecords(data.seals, query)) {
    found += 1;
    if (found > limit) {
      process.stderr.write("… and more: --limit shows them, veil ledger export writes all\n");
      break;
    }
    process.stdout.write(options.json ? jsonLine(record) : `${lineOf(record)}\n`);
  }
  if (found === 0) process.stderr.write("veil: no record is like that\n");
  return found === 0 ? 1 : 0;
}

/** `veil ledger export`: every record that is asked for, as a table or as JSON Lines. */
export async function exportRecords(
  flags: ConfigFlags,
  options: QueryFlags & { format: string; out?: string },
): Promise<number> {
  const query = queryOf(options);
  const { data, config } = await openLedger(flags);
  await using _ = data;
  await sealNewest(data, config);
  const out: Writable = options.out === undefined ? process.stdout : createWriteStream(options.out, { mode: 0o600 });
  const failed = options.out === undefined ? undefined : once(out, "error").then(([error]) => Promise.reject(error));
  const writeAll = async () => {
    const write = async (text: string) => {
      if (!out.write(text)) await once(out, "drain");
    };
    if (options.format === "csv") await write(csvHeader);
    const line = options.format === "csv" ? csvLine : jsonLine;
    let text = "";
    for await (const record of foundRecords(data.seals, query)) {
      text += line(record);
      if (text.length < 65_536) continue;
      await write(text);
      text = "";
    }
    await write(text);
    if (options.out === undefined) return;
    out.end();
    await once(out, "finish");
  };
  await Promise.race([writeAll(), ...(failed ? [failed] : [])]);
  return 0;
}

function lineOf({ position, kind, body = {}, commitments }: FoundRecord): string {
  const text = (...paths: string[]) => {
    const value = paths.map((path) => valueAt(body, path)).find((one) => one !== undefined);
    return value === undefined ? "" : String(value);
  };
  const place = kind === "event" ? `${text("job.input.store")}/${text("job.input.key")}` : `(${kind})`;
  const regions = text("detail.regions", "regions");
  const what = [
    regions && `${regions} ${regions === "1" ? "region" : "regions"}`,
    text("detail.output.sha256", "output.sha256").slice(0, 16),
    text("detail.code", "code"),
    commitments && kind !== "event" ? "erased" : "",
  ].filter(Boolean);
  const at = typeof body.at === "number" ? timeOf(body.at).slice(0, 19) : "";
  const outcome = kind === "erasure" ? `erased ${text("records")}` : text("kind", "outcome");
  return printable(
    `${String(position).padStart(8)}  ${at}  ${outcome.padEnd(10)}  ${place}  ${what.join("  ")}`.trimEnd(),
  );
}
