import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { Problem, toProblem } from "./errors.ts";

export interface CertificateFiles {
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** What comes before both names in the configuration: `events.webhook`. */
  readonly section: string;
}

/** A certificate with what signed it, and its key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const lookMs = 10_000;

/** Reads both files; undefined where none is named. Problem invalid-config where they do not belong together. */
export async function readCertificate({
  certFile,
  keyFile,
  section,
}: CertificateFiles): Promise<Certificate | undefined> {
  if (certFile === undefined && keyFile === undefined) return undefined;
  const pair = {
    cert: await readPem(`${section}.certFile`, certFile),
    key: await readPem(`${section}.keyFile`, keyFile),
  };
  requirePair(pair, { cert: `${certFile} (${section}.certFile)`, key: `${keyFile} (${section}.keyFile)` });
  return pair;
}

async function readPem(setting: string, path: string | undefined): Promise<string> {
  if (path === undefined)
    throw new Problem("invalid-config", `${setting} is missing`, { remedy: "A certificate and its key go together." });
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    const { why, remedy } = unread[code] ?? { why: `it cannot be read: ${code}`, remedy: "Look at its disk." };
    throw new Problem("invalid-config", `${path} (${setting}): ${why}`, { remedy, cause });
  }
}

const denied = {
  why: "veil may not read it",
  remedy: "Give the user that veil runs as the right to read it, and to pass the folders above it.",
};
const unread: Readonly<Record<string, { readonly why: string; readonly remedy: string }>> = {
  ENOENT: { why: "there is no such file", remedy: "Look at its path; in a container it has to be mounted there." },
  EISDIR: { why: "it is a folder", remedy: "Name the file in PEM." },
  EACCES: denied,
  EPERM: denied,
};

/** `names`: what both are called where they are no pair. */
function requirePair({ cert, key }: Certificate, names: Certificate): void {
  const parse = <T>(what: string, remedy: string, work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw new Problem("invalid-config", what, { remedy, cause });
    }
  };
  const remedy = "It begins with -----BEGIN CERTIFICATE-----, and what signed it follows.";
  // It would take DER as well, which TLS does not.
  const isPem = cert.includes("-----BEGIN ");
  const first = parse(`${names.cert} is no certificate in PEM`, remedy, () => new X509Certificate(isPem ? cert : ""));
  const own: KeyObject = parse(
    `${names.key} is no private key in PEM without a passphrase`,
    "It begins with -----BEGIN PRIVATE KEY-----; openssl pkey -in FILE -out NEW takes a passphrase away.",
    () => createPrivateKey(key),
  );
  if (!first.checkPrivateKey(own)) {
    throw new Problem("invalid-config", `${names.key} is not the key of ${names.cert}`, {
      remedy: "Name the key that the certificate was made with; the certificate itself comes first in its file.",
    });
  }
  const unusable = `${names.cert} and ${names.key} cannot be used for TLS`;
  parse(unusable, "Too short a key, for example, is refused: make both anew.", () =>
    createSecureContext({ cert, key }),
  );
}

export interface RenewalParts {
  readonly onRenewed: (certificate: Certificate) => void;
  readonly onProblem: (problem: Problem) => void;
  readonly signal: AbortSignal;
  readonly everyMs?: number;
}

/**
 * Looks at the files again and again, and tells of a pair that has changed. Files that are half replaced, or wrong, are
 * told once and change nothing: what was good before stays in use.
 */
export function watchCertificate(
  files: CertificateFiles,
  current: Certificate,
  { onRenewed, onProblem, signal, everyMs = lookMs }: RenewalParts,
): void {
  let known = current;
  let told = "";
  const timer = setInterval(async () => {
    try {
      const next = await readCertificate(files);
      told = "";
      if (next === undefined || signal.aborted || (next.cert === known.cert && next.key === known.key)) return;
      known = next;
      onRenewed(next);
    } catch (error) {
      const problem = toProblem(error);
      if (problem.message !== told) onProblem(problem);
      told = problem.message;
    }
  }, everyMs);
  timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer));
}
