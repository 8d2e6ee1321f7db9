import { resolve } from "node:path";
import { cosmeticStatement } from "../core/policy.ts";
import { mayHoldSecret } from "./address.ts";
import { contains } from "./folders.ts";
import type { Entry } from "./layers.ts";
import { rolesOf } from "./roles.ts";

/*
 * What each setting allows and all of them together don't, one sentence for each fault. `merged` holds what was said, by
 * the settings' paths, and some defaults.
 */

/** All of them. */
export function meaningFaults(merged: ReadonlyMap<string, Entry>): string[] {
  return [cosmeticFaults, addressFaults, headsFaults, roleFaults, mailFaults].flatMap((faultsOf) => faultsOf(merged));
}

/** Drivers over the network, and where their addresses stand. */
const addresses = [
  { setting: "cache.driver", driver: "redis", address: "cache.redis.url" },
  { setting: "queue.driver", driver: "rabbitmq", address: "queue.url" },
  { setting: "queue.driver", driver: "kafka", address: "queue.brokers" },
  { setting: "ledger.driver", driver: "postgres", address: "ledger.url" },
];

function addressFaults(merged: ReadonlyMap<string, Entry>): string[] {
  return addresses
    .filter(({ setting, driver, address }) => merged.get(setting)?.value === driver && !merged.has(address))
    .map(({ setting, driver, address }) => `${nameOf(setting, merged)}: ${driver} needs ${address}, which is missing`);
}

function cosmeticFaults(merged: ReadonlyMap<string, Entry>): string[] {
  if (merged.get("policy.style")?.value !== "cosmetic" || merged.has("policy.cosmetic")) return [];
  return [
    `${nameOf("policy.style", merged)}: cosmetic does not anonymise; choose another, or say policy.cosmetic=${cosmeticStatement}`,
  ];
}

/** Jobs that are taken here and worked elsewhere have to reach there, with their ledger and their uploads. */
function roleFaults(merged: ReadonlyMap<string, Entry>): string[] {
  const value = merged.get("roles")?.value;
  if (typeof value !== "string") return [];
  const roles = rolesOf({ roles: value });
  if (roles.size === 0 || (roles.has("worker") && roles.size > 1)) return [];
  const embedded = (path: string) => (merged.get(path)?.value ?? "sqlite") === "sqlite";
  const missing = [
    ...(embedded("queue.driver") ? ["queue.driver rabbitmq or kafka"] : []),
    ...(embedded("ledger.driver") ? ["ledger.driver postgres"] : []),
    ...(!roles.has("sources") && !merged.has("jobs.folder") ? ["jobs.folder, where all processes reach it"] : []),
  ];
  if (missing.length === 0) return [];
  const why = roles.has("worker") ? "jobs come from other processes" : "jobs are worked by other processes";
  return [`${nameOf("roles", merged)}: ${why} with ${show(value)}, which needs ${missing.join(" and ")}`];
}

/** A mail needs all three. */
function mailFaults(merged: ReadonlyMap<string, Entry>): string[] {
  const needed = ["host", "from", "to"].map((key) => `alerts.mail.${key}`);
  const given = needed.filter((path) => merged.has(path));
  if (given.length === 0 || given.length === needed.length) return [];
  const missing = needed.filter((path) => !merged.has(path)).join(" and ");
  return [`${given.map((path) => nameOf(path, merged)).join(" and ")}: expected ${missing} too`];
}

/** Whoever can change the ledger could change these heads too. */
function headsFaults(merged: ReadonlyMap<string, Entry>): string[] {
  const [data, heads] = [merged.get("dataDir"), merged.get("ledger.heads")];
  if (heads === undefined || !heads.value || !contains(data ? absolute(data) : "", absolute(heads))) return [];
  return [
    `${nameOf("ledger.heads", merged)}: expected a file outside the data folder but received ${show(heads.value)}`,
  ];
}

/** What is no path stays in its base, and is a fault of the schema. */
export function absolute({ value, base }: Entry): string {
  return typeof value === "string" ? resolve(base, value) : base;
}

/** A setting with where it was said. */
export function nameOf(path: string, merged: ReadonlyMap<string, Entry>): string {
  return `${path} (${merged.get(path)?.origin ?? "default"})`;
}

/** A value on one short line, unless it may hold what nobody should read. */
export function show(value: unknown): string {
  if (mayHoldSecret(value)) return "something that is not shown";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
