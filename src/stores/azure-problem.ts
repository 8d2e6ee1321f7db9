import { Problem, type ProblemCode } from "../errors.ts";
import { httpProblem, statusProblem } from "./http-problem.ts";

const codes: Readonly<Record<string, ProblemCode>> = {
  AccountIsDisabled: "store-denied",
  BlobArchived: "invalid-request",
  BlobImmutableDueToPolicy: "store-denied",
  BlobNotFound: "not-found",
  ContainerBeingDeleted: "store-unavailable",
  ContainerNotFound: "store-unavailable",
  // Somebody else has put meanwhile, and what was sent for this one is gone.
  InvalidBlockList: "store-unavailable",
  LeaseIdMissing: "store-unavailable",
  ResourceNotFound: "store-unavailable",
};

const remedies: Readonly<Record<string, string>> = {
  BlobArchived: "Bring the object back from the archive tier.",
  ContainerNotFound: "veil makes no containers: make it, or correct its name.",
  LeaseIdMissing: "Somebody holds a lease on it, which has to end.",
};

/** What the client says, without its request: a signed address may stand in that. */
export function azureProblem(error: unknown, what: string, endpoint: string): unknown {
  if (error instanceof Problem || !(error instanceof Error)) return error;
  const { statusCode, code } = error as { readonly statusCode?: number; readonly code?: string };
  if (error.name === "AbortError") return new Problem("store-unavailable", `${what}: the server is silent`);
  if (/Credential|Authentication/.test(error.name)) {
    return new Problem("store-denied", `${what}: the platform gives no credentials (${error.name})`, {
      remedy: "Set accountKey, sas or connectionString, or give this machine an identity that may use the container.",
    });
  }
  if (statusCode === undefined) {
    if (code === undefined && error.name !== "RestError" && !error.message.startsWith("Data corruption")) return error;
    return httpProblem(
      Object.assign(new Error(error.message.replace(/\?\S*/g, "?…")), { code }),
      what,
      new URL(endpoint),
    );
  }
  const special = codes[code ?? ""];
  if (special === undefined) return statusProblem(statusCode, what, { 409: "already-exists" });
  const remedy = remedies[code ?? ""];
  return new Problem(
    special,
    `${what}: the server answers ${statusCode} (${code})`,
    remedy === undefined ? {} : { remedy },
  );
}

/** HTTP status of the client's error. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && "statusCode" in error ? Number(error.statusCode) : undefined;
}
