import { join } from "node:path";

/** Where veil keeps its own things below the data folder. */
export function placesIn(dataDir: string) {
  return {
    database: join(dataDir, "veil.sqlite"),
    key: join(dataDir, "installation.key"),
    ledgerKey: join(dataDir, "ledger.key"),
    models: join(dataDir, "models"),
    spool: join(dataDir, "spool"),
    inbox: join(dataDir, "inbox"),
    results: join(dataDir, "results"),
    cache: join(dataDir, "cache"),
    webhookSecret: join(dataDir, "webhook.secret"),
    mounts: join(dataDir, "mounts.json"),
    queueName: join(dataDir, "queue.name"),
    replica: join(dataDir, "replica.id"),
    confirmed: join(dataDir, "confirmed"),
  };
}

/** Where results of `veil eval` are kept; it may be there before the data folder is otherwise in use. */
export function evaluationsIn(dataDir: string): string {
  return join(dataDir, "eval");
}

/** What a route's stores are called. */
export function storesOf(route: string): { readonly input: string; readonly output: string; readonly moved: string } {
  const prefix = route === "folder" ? "" : `${route}-`;
  return { input: `${prefix}input`, output: `${prefix}output`, moved: `${prefix}moved` };
}
