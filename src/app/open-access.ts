import { createIdentify } from "../auth/identify.ts";
import { createLimits } from "../auth/limits.ts";
import { createOidc } from "../auth/oidc.ts";
import { createTokenVerifier } from "../auth/token.ts";
import { readCertificate } from "../certificate.ts";
import { listed } from "../config/access-faults.ts";
import { dataDirFlag } from "../config/data-dir-flag.ts";
import type { Config } from "../config.ts";
import type { TokenAlgorithm } from "../core/token-algorithm.ts";
import type { DataFolder } from "../data-folder.ts";
import { Problem } from "../errors.ts";
import type { Access, Login } from "../http/access.ts";
import { isLoopback } from "../network-address.ts";
import { createOutbound } from "../outbound.ts";

export interface AccessParts {
  readonly data: Pick<DataFolder, "keys" | "installationKey">;
  readonly onProblem: (problem: Problem) => void;
}

const hourMs = 3_600_000;
const privateRemedy = "If it is the right one, name its host in auth.privateHosts.";

/** Whether somebody has to log in: everywhere but on a machine of one's own, where nobody has asked for it. */
export function isLoginRequired({ host, auth, http }: Pick<Config, "host" | "auth" | "http">): boolean {
  const isAskedFor = auth.required || auth.jwt.issuer !== undefined || auth.oidc.issuer !== undefined;
  return isAskedFor || !isLoopback(host) || http.trustedProxies !== undefined || http.publicUrl !== undefined;
}

/** Who may come in, as the configuration has it. Problem invalid-config where a login is needed and nobody could log in. */
export async function openAccess(config: Config, parts: AccessParts): Promise<Access & AsyncDisposable> {
  const { certFile, keyFile, publicUrl, trustedProxies, allowPlain, uploadsAtOnce, clientUploadsAtOnce } = config.http;
  const certificate = await readCertificate({ certFile, keyFile, section: "http" });
  const login = isLoginRequired(config) ? await openLogin(config, parts) : undefined;
  return {
    ...{ login, certificate, allowPlain, uploadsAtOnce, clientUploadsAtOnce },
    publicUrl: publicUrl && new URL(publicUrl).origin,
    trustedProxies: listed(trustedProxies),
    [Symbol.asyncDispose]: async () => login?.limits.close(),
  };
}

async function openLogin(config: Config, { data, onProblem }: AccessParts): Promise<Login> {
  const { auth, http, cache, host } = config;
  const { keys, installationKey } = data;
  if (auth.jwt.issuer === undefined && auth.oidc.issuer === undefined && !(await keys.any(Date.now()))) {
    const why = isLoopback(host) ? "A login is asked for" : `${host} can be reached from other machines`;
    throw new Problem(
      "invalid-config",
      `${why}, and nobody could log in: there is no API key, and neither auth.jwt nor auth.oidc is set`,
      {
        remedy: `Make a key with: npx veil keys create NAME --role admin${dataDirFlag(config)}, or set auth.oidc.issuer; docs/security.md shows both.`,
      },
    );
  }
  const fetch = createOutbound({ privateHosts: listed(auth.privateHosts), remedy: privateRemedy });
  const { rolePrefix } = auth;
  const { issuer, algorithms, ...jwt } = auth.jwt;
  const verifyToken =
    issuer === undefined
      ? undefined
      : await createTokenVerifier({
          ...{ ...jwt, issuer, rolePrefix, fetch },
          algorithms: listed(algorithms) as readonly TokenAlgorithm[],
        });
  const { oidc } = auth;
  const provider =
    oidc.issuer === undefined
      ? undefined
      : createOidc({
          ...{ ...oidc, issuer: oidc.issuer, clientId: oidc.clientId!, clientSecret: oidc.clientSecret! },
          ...{ rolePrefix, installationKey, fetch },
          callback: new URL("/api/v1/session/callback", http.publicUrl).href,
        });
  const limits = await createLimits({
    ...{ perClient: http.requestsPerMinute, perAddress: http.addressRequestsPerMinute, onProblem },
    redisUrl: cache.driver === "redis" ? cache.redis?.url : undefined,
  });
  return {
    ...{ identify: createIdentify({ keys, verifyToken }), limits, keys, oidc: provider },
    sessionMs: auth.sessionHours * hourMs,
  };
}
