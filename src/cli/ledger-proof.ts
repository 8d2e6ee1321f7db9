import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import type { ConfigFlags } from "../config/layers.ts";
import { Problem } from "../errors.ts";
import { type JsonObject, valueAt } from "../ledger/canonical.ts";
import { foundRecords, timeOf } from "../ledger/export.ts";
import type { Head } from "../ledger/head.ts";
import { readHeads } from "../ledger/heads-file.ts";
import { checkProof, parseProof, proveRecord } from "../ledger/proof.ts";
import type { FoundRecord } from "../ledger/seals.ts";
import { openLedger, sealNewest } from "./ledger-open.ts";
import { printable } from "./printable.ts";

export interface ProofFlags {
  readonly out?: string;
  readonly heads?: string;
  readonly check?: string;
  readonly key?: string;
}

/** `veil ledger proof`: makes a file's proof, or checks one without the data folder. */
export async function proof(flags: ConfigFlags, file: string | undefined, options: ProofFlags): Promise<number> {
  if (options.check !== undefined) return check(file, { ...options, check: options.check });
  if (file === undefined) throw new Problem("invalid-request", "Expected a file, or --check PROOF.json");
  const digest = await digestOf(file);
  const { data, config } = await openLedger(flags);
  await using _ = data;
  await sealNewest(data, config);
  let best: FoundRecord | undefined;
  for await (const record of foundRecords(data.seals, { digest })) {
    if (best === undefined || worth(record, digest) >= worth(best, digest)) best = record;
  }
  if (best === undefined) {
    throw new Problem("not-found", `The ledger has no record of ${file} (SHA-256 ${digest})`, {
      remedy: "Expected a result of veil's as it was written, or an original that was not changed or erased since.",
    });
  }
  const { size } = await data.seals.state();
  const since = options.heads === undefined ? undefined : await lastHead(options.heads, size);
  const made = await proveRecord(data.seals, best, since);
  if (made === undefined) {
    throw new Problem("ledger-broken", `Record ${best.position} of ${file} does not prove itself`, {
      remedy: "veil ledger verify says what is wrong.",
    });
  }
  const text = `${JSON.stringify(made, null, 2)}\n`;
  if (options.out === undefined) process.stdout.write(text);
  else await writeFile(options.out, text, { mode: 0o600 });
  return 0;
}

async function check(file: string | undefined, options: ProofFlags & { readonly check: string }): Promise<number> {
  const given = parseProof(await readFile(options.check, "utf8"));
  if (given === undefined) throw new Problem("invalid-request", `${options.check} holds no proof of veil's ledger`);
  const checked = checkProof(given, options.key === undefined ? undefined : await readFile(options.key, "utf8"));
  const faults: string[] = checked.holds ? [] : [...checked.faults];
  if (checked.holds && file !== undefined) {
    const digest = await digestOf(file);
    const about = digestsOf(checked.record).includes(digest);
    if (!about) faults.push(`The record is not about ${file} (SHA-256 ${digest})`);
  }
  if (options.heads !== undefined && !(await isBacked(options.heads, [given.head, given.since?.head]))) {
    faults.push(`None of the heads in ${options.heads} stands behind this proof`);
  }
  for (const fault of faults) process.stdout.write(`FAULT  ${printable(fault)}\n`);
  if (faults.length > 0 || !checked.holds) return 1;
  const { record, position, head, keyId } = checked;
  const trust = options.key === undefined ? " from the proof itself: compare it with one that you trust" : "";
  const lines = [
    `This proof holds${file === undefined ? "" : `, and is about ${file}`}`,
    ...describe(record),
    `place     ${position} of ${head.size} records, signed ${head.time}`,
    `key       ${keyId}${trust}`,
  ];
  process.stdout.write(`${lines.map(printable).join("\n")}\n`);
  return 0;
}

function describe(record: JsonObject): string[] {
  const text = (...paths: string[]) => {
    const value = paths.map((path) => valueAt(record, path)).find((one) => one !== undefined);
    if (value !== null && typeof value === "object") return "(erased)";
    return value === undefined ? "" : String(value);
  };
  const at = record.at;
  const place = (side: string) =>
    [text(`job.${side}.store`), text(`job.${side}.key`)].filter(Boolean).join("/") || "(no place: it came and went)";
  return [
    `outcome   ${text("kind", "outcome")}, ${typeof at === "number" ? timeOf(at) : ""}, ${text("detail.who", "who") || "by nobody named"}`,
    `original  ${place("input")} ${text("detail.input.sha256", "input.sha256")}`,
    `result    ${place("output")} ${text("detail.output.sha256", "output.sha256")}`,
    `masked    ${text("detail.regions", "regions")} regions, ${text("job.policy.style", "policy.style")} ${text("job.policy.strength", "policy.strength")}`,
    `with      veil ${text("detail.veil", "veil")}, ${text("detail.detector.name", "detector.name")} ${text("detail.detector.digest", "detector.digest")}`,
  ];
}

/** What was masked into the file comes before what was made of it, and of equals the newest. */
function worth({ body = {} }: FoundRecord, digest: string): number {
  const isResult = valueAt(body, "detail.output.sha256") === digest || valueAt(body, "output.sha256") === digest;
  // A job's says more than a request's: where it lies.
  if (isResult) return body.job === undefined ? 2 : 3;
  return body.kind === "done" || body.outcome === "masked" ? 1 : 0;
}

function digestsOf(record: JsonObject): readonly unknown[] {
  const paths = ["detail.output.sha256", "output.sha256", "detail.input.sha256", "input.sha256"];
  return paths.map((path) => valueAt(record, path));
}

async function lastHead(path: string, size: number): Promise<Head | undefined> {
  let last: Head | undefined;
  for await (const { head } of readHeads(path)) if (head !== undefined && head.size <= size) last = head;
  return last;
}

async function isBacked(path: string, heads: readonly (Head | undefined)[]): Promise<boolean> {
  for await (const { head: kept } of readHeads(path)) {
    if (heads.some((head) => head !== undefined && head.size === kept?.size && head.root === kept.root)) return true;
  }
  return false;
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
