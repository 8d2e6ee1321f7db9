import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { Problem } from "../errors.ts";
import { createSigner, type Signer } from "./head.ts";

/** The key that signs heads: made on first use, readable by its owner alone. */
export async function openSigner(path: string): Promise<Signer> {
  try {
    const { privateKey } = generateKeyPairSync("ed25519");
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    await writeFile(path, pem, { flag: "wx", mode: 0o600, flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const pem = await readFile(path, "utf8");
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return createSigner(key);
  } catch {
    // Said below: what OpenSSL says would not help anybody.
  }
  throw new Problem("invalid-config", `${path} does not hold an Ed25519 private key`, {
    remedy: "Restore it from a backup, or move it away: then veil makes a new one, and the ledger says so.",
  });
}
