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
  const read = (setting: string, path: string | undefined) =>
    readFile(path ?? "", "utf8").catch((cause: NodeJS.ErrnoException) => {
      const detail = path === undefined ? `${setting} is missing` : `Cannot read ${path} (${setting}): ${cause.code}`;
      throw new Problem("invalid-config", detail, { cause });
    });
  const pair = { cert: await read(`${section}.certFile`, certFile), key: await read(`${section}.keyFile`, keyFile) };
  try {
    createSecureContext(pair);
  } catch (cause) {
    const detail = `${certFile} (${section}.certFile) and ${keyFile} (${section}.keyFile) are no certificate in PEM and its key`;
    throw new Problem("invalid-config", detail, { cause });
  }
  return pair;
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
