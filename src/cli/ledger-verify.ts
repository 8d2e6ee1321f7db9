import { readFile } from "node:fs/promises";
import type { ConfigFlags } from "../config/layers.ts";
import { keyIdOf } from "../ledger/head.ts";
import { type VerifyReport, verifyLedger } from "../ledger/verify.ts";
import { openLedger } from "./ledger-open.ts";
import { printable } from "./printable.ts";

/** `veil ledger verify`: walks the whole chain; 1 where anything is wrong. */
export async function verify(
  flags: ConfigFlags,
  options: { heads?: string; key?: string; json?: boolean },
): Promise<number> {
  const publicKeys = options.key === undefined ? undefined : [await readFile(options.key, "utf8")];
  const { data } = await openLedger(flags);
  await using _ = data;
  const report = await verifyLedger({
    seals: data.seals,
    ...(options.heads !== undefined && { headsFile: options.heads }),
    ...(publicKeys && { publicKeys }),
  });
  if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else process.stdout.write(`${linesOf(report, options).map(printable).join("\n")}\n`);
  return report.faultCount === 0 ? 0 : 1;
}

/** `veil ledger key`: the public key, for those who check. */
export async function printKey(flags: ConfigFlags): Promise<number> {
  const { data } = await openLedger(flags);
  await using _ = data;
  const { publicKey } = await data.openSigner();
  process.stdout.write(publicKey);
  process.stderr.write(`key ${keyIdOf(publicKey)}\n`);
  return 0;
}

function linesOf(report: VerifyReport, { heads, key }: { heads?: string; key?: string }): string[] {
  const { records, erased, unsealed, faults, faultCount, outside, outsideHeads, keyIds } = report;
  const more = faultCount - faults.length;
  const elsewhere = outside
    ? `${outsideHeads} heads kept elsewhere were compared; the newest, for ${outside.size} records, was signed ${outside.time}`
    : `${heads === undefined ? "No heads kept elsewhere were given" : `There are no heads in ${heads}`}: that records were cut off the end, or that all was rewritten with veil's own key, can't be seen`;
  return [
    ...faults.map((fault) => `FAULT  ${fault}`),
    ...(more > 0 ? [`FAULT  ${more} more`] : []),
    faultCount === 0
      ? `${records} records prove themselves${erased > 0 ? `, ${erased} of them without their personal values` : ""}`
      : `${records} records looked at, ${faultCount} ${faultCount === 1 ? "fault" : "faults"}`,
    `${report.heads} signed heads; ${key === undefined ? "keys that the ledger itself names" : "the given key"}: ${keyIds.join(", ") || "none"}`,
    ...(unsealed > 0 ? [`${unsealed} newest records are not sealed yet: nothing protects them`] : []),
    elsewhere,
  ];
}
