import { isIP } from "node:net";
import { pairAlgorithms, secretAlgorithms } from "../core/token-algorithm.ts";
import { isLoopback } from "../network-address.ts";
import type { Entry } from "./layers.ts";
import { nameOf, show } from "./setting-faults.ts";

type Merged = ReadonlyMap<string, Entry>;

/** The items of a list with commas. */
export function listed(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(",").flatMap((one) => (one.trim() === "" ? [] : [one.trim()]));
}

const pairs = new Set<string>(pairAlgorithms);
const secrets = new Set<string>(secretAlgorithms);

/** What of TLS, tokens and logins does not go together. */
export function accessFaults(merged: Merged): string[] {
  return [...together(merged), ...algorithmFaults(merged), ...networkFaults(merged), ...placeFaults(merged)];
}

function together(merged: Merged): string[] {
  const has = (path: string) => merged.has(path);
  const missing = (given: string, wanted: string) => `${nameOf(given, merged)}: expected ${wanted} too`;
  const faults: string[] = [];
  if (has("http.certFile") && !has("http.keyFile")) faults.push(missing("http.certFile", "http.keyFile"));
  if (has("http.keyFile") && !has("http.certFile")) faults.push(missing("http.keyFile", "http.certFile"));
  const keys = ["auth.jwt.keysFile", "auth.jwt.jwksUrl"].filter(has);
  if (has("auth.jwt.issuer") && keys.length === 0)
    faults.push(missing("auth.jwt.issuer", "auth.jwt.keysFile or auth.jwt.jwksUrl"));
  if (keys.length > 0 && !has("auth.jwt.issuer")) faults.push(missing(keys[0]!, "auth.jwt.issuer"));
  if (keys.length > 1) faults.push(`${nameOf(keys[0]!, merged)}: expected no ${keys[1]} beside it`);
  if (has("auth.oidc.issuer"))
    for (const path of ["auth.oidc.clientId", "auth.oidc.clientSecret", "http.publicUrl"].filter((one) => !has(one)))
      faults.push(missing("auth.oidc.issuer", path));
  return faults;
}

/** Who takes both kinds would take a public key, which everybody has, for a secret. */
function algorithmFaults(merged: Merged): string[] {
  const value = merged.get("auth.jwt.algorithms")?.value;
  if (typeof value !== "string") return [];
  const names = listed(value);
  const known = names.every((name) => pairs.has(name) || secrets.has(name));
  const ofSecrets = names.filter((name) => secrets.has(name)).length;
  if (known && (ofSecrets === 0 || ofSecrets === names.length)) return [];
  const all = [...pairs].join(", ");
  return [
    `${nameOf("auth.jwt.algorithms", merged)}: expected some of ${all}, or some of ${[...secrets].join(", ")}, never both, but received ${show(value)}`,
  ];
}

function networkFaults(merged: Merged): string[] {
  const value = merged.get("http.trustedProxies")?.value;
  if (typeof value !== "string") return [];
  const isNetwork = (text: string) => {
    const [address = "", bits] = text.split("/");
    const version = isIP(address);
    return version > 0 && (bits === undefined || (Number(bits) > 0 && Number(bits) <= (version === 6 ? 128 : 32)));
  };
  const bad = listed(value).filter((one) => !isNetwork(one));
  if (bad.length === 0) return [];
  return [`${nameOf("http.trustedProxies", merged)}: expected addresses or networks but received ${show(bad[0])}`];
}

/** What is not for this machine alone is encrypted somewhere, or somebody has said that it need not be. */
function placeFaults(merged: Merged): string[] {
  const isSaid = (path: string) => merged.has(path) && merged.get(path)?.value !== false;
  const fault = (path: string, encrypted: readonly string[], needs: string) => {
    const host = merged.get(path)?.value;
    if (typeof host !== "string" || isLoopback(host) || encrypted.some(isSaid)) return [];
    return [`${nameOf(path, merged)}: ${show(host)} is reached by others, which needs ${needs} does without`];
  };
  return [
    ...fault(
      "host",
      ["http.certFile", "http.trustedProxies", "http.allowPlain"],
      "http.certFile and http.keyFile, or http.trustedProxies where a proxy encrypts; http.allowPlain=true",
    ),
    ...(merged.has("events.webhook.token")
      ? fault(
          "events.webhook.host",
          ["events.webhook.certFile", "events.webhook.allowPlain"],
          "events.webhook.certFile and events.webhook.keyFile; events.webhook.allowPlain=true",
        )
      : []),
  ];
}
