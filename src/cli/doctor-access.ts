import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { isLoginRequired } from "../app/open-access.ts";
import { type CertificateFiles, readCertificate } from "../certificate.ts";
import { dataDirFlag } from "../config/data-dir-flag.ts";
import type { Config } from "../config.ts";
import { openDataFolder } from "../data-folder.ts";
import { placesIn } from "../data-places.ts";
import { Problem } from "../errors.ts";
import { type Finding, note, ok } from "./finding.ts";

const dayMs = 24 * 3_600_000;
/** Certificates that renew by themselves are renewed a month before they end. */
const soonDays = 14;

/** Who may come in; a fault where a login is needed and nobody could log in. */
export async function checkAccess(config: Config): Promise<Finding> {
  if (!isLoginRequired(config)) return ok("whoever is at this machine, without a login");
  const { jwt, oidc } = config.auth;
  const ways = [
    ...(jwt.issuer === undefined ? [] : [`tokens of ${jwt.issuer}`]),
    ...(oidc.issuer === undefined ? [] : [`the page's login at ${oidc.issuer}`]),
    ...((await hasKeys(config)) ? ["API keys"] : []),
  ];
  if (ways.length > 0) return ok(`with a login: ${ways.join(", ")}`);
  throw new Problem("invalid-config", "A login is needed, and nobody could log in", {
    remedy: `Make a key with: npx veil keys create NAME --role admin${dataDirFlag(config)}, or set auth.oidc.issuer; docs/security.md.`,
  });
}

async function hasKeys(config: Config): Promise<boolean> {
  // Nothing is made here that a start would make.
  if (!existsSync(placesIn(config.dataDir).key)) return false;
  await using data = await openDataFolder(config, () => {});
  return data.keys.any(Date.now());
}

/** Whether each certificate can be used, and for how long. */
export async function checkCertificates({ http, events }: Config): Promise<Finding> {
  const found = [
    await lasting({ certFile: http.certFile, keyFile: http.keyFile, section: "http" }),
    await lasting({ certFile: events.webhook.certFile, keyFile: events.webhook.keyFile, section: "events.webhook" }),
  ].filter((one) => one !== undefined);
  if (found.length === 0) return ok("none: HTTP");
  const text = found.map((one) => one.text).join(", ");
  return found.some(({ days }) => days < soonDays) ? note(`${text}: renew it`) : ok(text);
}

/** Problem invalid-config for one that is over, or not yet begun. */
async function lasting(files: CertificateFiles): Promise<{ readonly text: string; readonly days: number } | undefined> {
  const pair = await readCertificate(files);
  if (pair === undefined) return undefined;
  const { validFromDate, validToDate } = new X509Certificate(pair.cert);
  const name = `${files.certFile} (${files.section}.certFile)`;
  const [from, to] = [validFromDate, validToDate].map((date) => date.toISOString().slice(0, 10));
  if (validFromDate.getTime() > Date.now() || validToDate.getTime() < Date.now()) {
    throw new Problem("invalid-config", `${name} is good from ${from} to ${to} only: clients refuse it`, {
      remedy: "Renew it, and look at this machine's clock.",
    });
  }
  return { text: `${name} until ${to}`, days: (validToDate.getTime() - Date.now()) / dayMs };
}
