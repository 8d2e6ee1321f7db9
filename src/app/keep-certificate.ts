import type { Server } from "node:tls";
import { type Certificate, watchCertificate } from "../certificate.ts";
import type { Config } from "../config.ts";
import type { Problem } from "../errors.ts";
import type { Logger } from "../log.ts";

export interface KeepCertificateParts {
  /** What the server began with; undefined: it speaks HTTP. */
  readonly certificate: Certificate | undefined;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly onProblem: (problem: Problem) => void;
}

/** A renewed certificate is used for new connections, without a restart. */
export function keepCertificate(
  { server }: { readonly server: object },
  { http: { certFile, keyFile } }: Pick<Config, "http">,
  { certificate, signal, log, onProblem }: KeepCertificateParts,
): void {
  if (certificate === undefined) return;
  watchCertificate({ certFile, keyFile, section: "http" }, certificate, {
    ...{ signal, onProblem },
    onRenewed(renewed) {
      (server as Server).setSecureContext({ ...renewed, minVersion: "TLSv1.2" });
      log.info("the certificate was renewed");
    },
  });
}
