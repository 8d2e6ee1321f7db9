import { existsSync } from "node:fs";
import type { ConfigFlags } from "../config/layers.ts";
import type { Config } from "../config.ts";
import { type DataFolder, openDataFolder } from "../data-folder.ts";
import { placesIn } from "../data-places.ts";
import { Problem } from "../errors.ts";
import { createSealer, type Sealer } from "../ledger/sealer.ts";
import type { RecordQuery } from "../ledger/seals.ts";
import { configFor } from "./settings.ts";

/** What a command says of which records it is about. */
export interface QueryFlags {
  readonly path?: string;
  readonly digest?: string;
  readonly since?: string;
  readonly until?: string;
  readonly outcome?: string;
}

const toScreen = ({ message }: Problem) => process.stderr.write(`veil: ${message}\n`);

/** A ledger that is there; a new one would prove nothing. */
export async function openLedger(flags: ConfigFlags): Promise<{ data: DataFolder; config: Config }> {
  const config = configFor(flags);
  if (config.ledger.driver === "sqlite" && !existsSync(placesIn(config.dataDir).database)) {
    throw new Problem("not-found", `There is no ledger in ${config.dataDir}`, {
      remedy: "--data-dir names another data folder.",
    });
  }
  return { data: await openDataFolder(config, toScreen), config };
}

export async function sealerFor(data: DataFolder, { ledger }: Config): Promise<Sealer> {
  const signer = await data.openSigner();
  return createSealer({ seals: data.seals, signer, headsFile: ledger.heads, onProblem: toScreen });
}

/** Seals what is committed, so that a command finds the newest records too; a broken chain is told, and read as it is. */
export async function sealNewest(data: DataFolder, config: Config): Promise<void> {
  const sealer = await sealerFor(data, config);
  await sealer.sealAll().catch((error: unknown) => {
    if (!(error instanceof Problem) || error.code !== "ledger-broken") throw error;
    toScreen(error);
  });
}

export function queryOf({ path, digest, since, until, outcome }: QueryFlags): RecordQuery {
  if (digest !== undefined && !/^[0-9a-f]{64}$/i.test(digest)) {
    throw new Problem("invalid-request", `Expected a SHA-256 in hexadecimal for --digest but received ${digest}`);
  }
  return {
    ...(path !== undefined && { path }),
    ...(digest !== undefined && { digest: digest.toLowerCase() }),
    ...(since !== undefined && { since: dateOf("--since", since) }),
    ...(until !== undefined && { until: dateOf("--until", until) }),
    ...(outcome !== undefined && { outcomes: outcome.split(",").map((one) => one.trim()) }),
  };
}

/** Milliseconds since 1970; a date alone is its first moment in UTC. */
export function dateOf(flag: string, text: string): number {
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) {
    throw new Problem("invalid-request", `Expected a date such as 2026-01-31 for ${flag} but received ${text}`);
  }
  return at;
}
