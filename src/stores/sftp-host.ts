import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Problem } from "../errors.ts";

export interface SftpSettings {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password?: string;
  /** A file. */
  readonly privateKey?: string;
  readonly passphrase?: string;
  /** Fingerprints as `ssh-keygen -lf` prints them; the server has to show one of these keys. */
  readonly hostKey: string | readonly string[];
  /** A path on the server; one that does not begin with a slash begins at the account's own folder. */
  readonly root: string;
  /** Replaces by removing first where the server knows no better way. */
  readonly nonAtomic: boolean;
}

/** `SHA256:…`, as OpenSSH prints it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** Compares the server's key with the expected ones; `problem` says what is wrong with the one that was refused. */
export function createHostCheck(name: string, { host, port, hostKey }: SftpSettings) {
  const expected = typeof hostKey === "string" ? [hostKey] : hostKey;
  let refused: string | undefined;
  return {
    verify(key: Buffer): boolean {
      const received = fingerprintOf(key);
      // Base64's padding is not part of what ssh-keygen prints, but of what other programs do.
      if (expected.some((one) => one.replace(/=+$/, "") === received)) return true;
      refused = received;
      return false;
    },
    problem(): Problem | undefined {
      if (refused === undefined) return undefined;
      return new Problem(
        "store-unavailable",
        `The server ${host}:${port} of ${name} showed the key ${refused}, but expected was ${expected.join(" or ")}`,
        {
          remedy: `Another machine may answer in its place. Run "ssh-keygen -lf" on the server's /etc/ssh/ssh_host_*_key.pub; only if ${refused} is one of them, add it to hostKey.`,
        },
      );
    },
  };
}

/** The private key's text, if there is to be one. */
export async function readPrivateKey(name: string, { privateKey }: SftpSettings): Promise<string | undefined> {
  if (privateKey === undefined) return undefined;
  return await readFile(privateKey, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Problem("invalid-config", `Cannot read the private key ${privateKey} of ${name}: ${error.code}`, {
      cause: error,
    });
  });
}
