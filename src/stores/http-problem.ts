import { Problem, type ProblemCode } from "../errors.ts";

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses connections",
  ECONNRESET: "broke the connection",
  EPIPE: "broke the connection",
  ENOTFOUND: "is not known to the name service",
  EAI_AGAIN: "cannot be looked up: the name service does not answer",
  EHOSTUNREACH: "cannot be reached",
  ENETUNREACH: "cannot be reached",
};

/** A failed call as a Problem: `store-unavailable`, with the host and why. */
export function httpProblem(error: unknown, what: string, url: URL): Problem {
  if (error instanceof Problem) return error;
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  const message = error instanceof Error ? error.message : String(error);
  const isCertificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code);
  const reason = isCertificate ? `has a certificate that is not trusted (${code})` : reasons[code];
  const remedy = isCertificate
    ? "Set caFile to the authority's certificate, and use a name that the certificate is for."
    : "Check that the server runs, and that this is its address.";
  return new Problem("store-unavailable", `${what}: ${url.host} ${reason ?? `failed: ${message}`}`, {
    remedy,
    cause: error,
  });
}

const codes: Readonly<Record<number, ProblemCode>> = {
  400: "invalid-request",
  401: "store-denied",
  403: "store-denied",
  404: "not-found",
  407: "store-denied",
  409: "store-unavailable",
  412: "already-exists",
  414: "invalid-request",
  507: "store-full",
};

const remedies: Partial<Readonly<Record<ProblemCode, string>>> = {
  "store-denied": "Check the credentials and what they may do there.",
  "store-full": "Make room there, or raise the quota.",
};

/** An answer that says no, as a Problem; what the table does not name is a store out of reach. */
export function statusProblem(
  status: number,
  what: string,
  special: Readonly<Record<number, ProblemCode>> = {},
): Problem {
  const code = special[status] ?? codes[status] ?? "store-unavailable";
  const remedy = remedies[code];
  return new Problem(code, `${what}: the server answers ${status}`, remedy === undefined ? {} : { remedy });
}
