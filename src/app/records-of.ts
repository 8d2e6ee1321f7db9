import type { HttpParts } from "../http/parts.ts";
import { jsonLine } from "../ledger/export.ts";
import type { RecordQuery, Seals } from "../ledger/seals.ts";

/** Sealed records, page by page, as lines of JSON. */
export function recordsOf(seals: Pick<Seals, "sealed">): HttpParts["records"] {
  return async (from, limit, wish) => {
    const given = Object.entries(wish).filter(([, value]) => value !== undefined);
    return (await seals.sealed(from, limit, Object.fromEntries(given) as RecordQuery)).map(jsonLine);
  };
}
