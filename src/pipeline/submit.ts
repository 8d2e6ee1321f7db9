import { createHash, createHmac, randomUUID } from "node:crypto";
import type { Location } from "../core/job.ts";
import { type Policy, policyDigest } from "../core/policy.ts";
import { Problem } from "../errors.ts";
import type { JobRecord, Ledger } from "../ledger/ledger.ts";
import type { Store } from "../stores/store.ts";
import type { Admit } from "./admit.ts";
import type { Redrive } from "./redrive.ts";
import type { Route } from "./route.ts";
import { type SpoolFile, withSpoolFile } from "./spool.ts";

export interface UploadOptions {
  /** The client's file name; part of the key, so that a person finds it again. */
  readonly name: string;
  readonly policy: Policy;
  readonly idempotencyKey?: string;
}

/** Work that a person or a program hands in. Each call returns once the job is durable. */
export interface Submit {
  /** Puts the file in the inbox and admits it. Problems: idempotency-conflict. */
  upload(file: SpoolFile, options: UploadOptions): Promise<JobRecord>;
  /** Admits an object of a route's input store; known already, its job is answered. Problems: not-found. */
  object(location: Location, policy: Policy): Promise<JobRecord>;
  /** Sends a dead letter back as a new revision. Problems: not-found, not-ready. */
  retry: Redrive;
}

export interface SubmitParts {
  readonly ledger: Pick<Ledger, "find">;
  readonly admit: Admit;
  readonly redrive: Redrive;
  readonly routes: ReadonlyMap<string, Route>;
  /** The route that uploads take. */
  readonly uploads: Route;
  /** Makes inbox keys of idempotency keys. */
  readonly installationKey: string;
  storeOf(name: string): Store;
}

export function createSubmit(parts: SubmitParts): Submit {
  const { ledger, admit, redrive, routes, uploads, installationKey, storeOf } = parts;

  async function known(key: string, requestDigest: string): Promise<JobRecord | undefined> {
    const { records } = await ledger.find({ route: uploads.name, key, limit: 1 });
    const [record] = records;
    if (record !== undefined && record.requestDigest !== requestDigest) {
      throw new Problem("idempotency-conflict", "The Idempotency-Key came with another file or other options before", {
        remedy: "Use a new key for a new request.",
      });
    }
    return record;
  }

  return {
    async upload(file, { name, policy, idempotencyKey }) {
      const requestDigest = createHash("sha256")
        .update(`${file.sha256} ${policyDigest(policy)} ${name}`)
        .digest("hex");
      // The same idempotency key makes the same object, so the ledger's own refusal of duplicates covers it.
      const id =
        idempotencyKey === undefined
          ? randomUUID()
          : createHmac("sha256", installationKey).update(idempotencyKey).digest("hex").slice(0, 32);
      const key = idempotencyKey === undefined ? `${id}-${safeName(name)}` : id;
      if (idempotencyKey !== undefined) {
        const before = await known(key, requestDigest);
        if (before !== undefined) return before;
      }
      const inbox = storeOf(uploads.input);
      const contentType = "application/octet-stream";
      const { version } = await withSpoolFile(file.path, (body) => inbox.put(key, body, { contentType }));
      const [admission] = await admit(uploads, [{ key, version }], { policy, requestDigest });
      return admission!.record;
    },

    async object({ store, key }, policy) {
      const route = [...routes.values()].find((candidate) => candidate.input === store && candidate !== uploads);
      if (route === undefined) throw new Problem("not-found", `There is no input store ${JSON.stringify(store)}`);
      const info = await storeOf(store).head(key);
      if (info === undefined) throw new Problem("not-found", `There is no ${key} in ${store}`);
      const [admission] = await admit(route, [info], { policy, lane: "interactive" });
      return admission!.record;
    },

    retry: redrive,
  };
}

/** A file name as a key: no separators, no control characters, at most 100 characters. */
function safeName(name: string): string {
  const safe = name
    .normalize("NFC")
    .replace(/[\p{Cc}\p{Cf}/\\:*?"<>|]+/gu, "_")
    .replace(/^\.+/, "")
    .slice(-100);
  return safe === "" ? "upload" : safe;
}
