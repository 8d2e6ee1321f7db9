import { createHmac, timingSafeEqual } from "node:crypto";
import type { Anonymized } from "../core/media.ts";
import type { MaskedNow } from "./mask-now.ts";
import { type Spool, streamOf } from "./spool.ts";

/** What binds a result to what it is a result of, and to this installation. */
export interface Seal {
  /** Known to nobody outside. */
  readonly secret: Buffer;
  /** What was masked and how. */
  readonly key: string;
}

/** What is said of the masked bytes, and signed: their own digest is among it. */
interface Label extends Pick<MaskedNow, "regions" | "format" | "frames"> {
  readonly masked: Omit<Anonymized, "path">;
  readonly expiresAt: number;
}

const macBytes = 32;
const labelAt = macBytes + 4;

/** A result as it may lie where others can write: signature, label, masked bytes. */
export function seal(by: Seal, result: MaskedNow, bytes: Buffer, expiresAt: number): Buffer {
  const { masked, regions, format, frames } = result;
  const { path: _, ...about } = masked;
  const label = Buffer.from(JSON.stringify({ masked: about, regions, format, frames, expiresAt }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(label.length);
  return Buffer.concat([macOf(by, label), length, label, bytes]);
}

/**
 * A sealed result as a spool file that may be delivered; `refused` where veil did not make it for that key or a byte of it
 * is another one, `expired` where its time is over. The only place besides the engine that gives the brand (ADR 0006).
 */
export async function unseal(
  by: Seal,
  sealed: Buffer,
  spool: Spool,
  now: number,
): Promise<MaskedNow | "refused" | "expired"> {
  if (sealed.length < labelAt) return "refused";
  const bytesAt = labelAt + sealed.readUInt32BE(macBytes);
  const label = sealed.subarray(labelAt, bytesAt);
  if (!timingSafeEqual(sealed.subarray(0, macBytes), macOf(by, label))) return "refused";
  const { masked, expiresAt, ...rest } = JSON.parse(label.toString()) as Label;
  if (expiresAt <= now) return "expired";
  const bytes = sealed.subarray(bytesAt);
  if (bytes.length !== masked.size) return "refused";
  // What is compared is what was written: the spool takes the digest on the way.
  const file = await spool.receive(streamOf(bytes), { maxBytes: masked.size, isMasked: true });
  if (file.sha256 !== masked.sha256) {
    await file.remove();
    return "refused";
  }
  const deliverable = { ...masked, path: file.path } as Anonymized;
  return { ...rest, masked: deliverable, cached: true, [Symbol.asyncDispose]: () => file.remove() };
}

function macOf({ secret, key }: Seal, label: Buffer): Buffer {
  return createHmac("sha256", secret).update(`${key}\n`).update(label).digest();
}
