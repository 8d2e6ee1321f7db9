import { createHash, createHmac, randomUUID } from "node:crypto";
import type { Job, Location } from "../core/job.ts";
import { type Policy, policyDigest } from "../core/policy.ts";
import { createSerial } from "../core/serial.ts";
import { weakerParts } from "../core/weaker.ts";
import { Problem } from "../errors.ts";
import type { JobRecord, Ledger } from "../ledger/ledger.ts";
import type { Store } from "../stores/store.ts";
import type { Admit, AdmitOptions, Rerun } from "./admit.ts";
import { createOwnerMark } from "./owner.ts";
import type { Redrive } from "./redrive.ts";
import type { Route } from "./route.ts";
import { type SpoolFile, withSpoolFile } from "./spool.ts";

export interface UploadOptions extends Asker {
  /** The client's file name; part of the key, so that a person finds it again. */
  readonly name: string;
  readonly policy: Policy;
  /** Means something to whoever asks alone: another one's of the same words is another one. */
  readonly idempotencyKey?: string;
}

/** Who asks, where somebody had logged in. */
export interface Asker {
  readonly who?: string | undefined;
  /** What stays of that one, whatever it is called: its are the job and the Idempotency-Key. */
  readonly ownerId?: string | undefined;
}

export interface ObjectWish {
  /** What is asked for, beside the route's own. */
  readonly policyFor: (own: Policy) => Policy;
  /** Whether it may mask less than the route's own does. */
  readonly mayWeaken: boolean;
  readonly who?: string | undefined;
}

/** Work that a person or a program hands in. Each call returns once the job is durable. */
export interface Submit {
  /** Puts the file in the inbox and admits it. Problems: idempotency-conflict. */
  upload(file: SpoolFile, options: UploadOptions): Promise<JobRecord>;
  /**
   * Admits an object of a route's input store; known already under the same policy, or held, its job is answered. Only
   * whoever may see originals may have less masked than the route has. Problems: not-found, forbidden.
   */
  object(location: Location, asked: ObjectWish): Promise<JobRecord>;
  /** Whether an upload was handed in by that one: by its id, or in a record without owner, as they once were, by its name. */
  isOwn(record: JobRecord, asker: Asker): Promise<boolean>;
  /** What whoever handed the object in calls it; empty where that is not known. */
  nameOf(job: Job): string;
  /** Sends a dead letter back as a new revision. Problems: not-found, not-ready. */
  retry: Redrive;
}

export interface SubmitParts {
  readonly ledger: Pick<Ledger, "find" | "history">;
  readonly admit: Admit;
  readonly rerun: Rerun;
  readonly redrive: Redrive;
  readonly routes: ReadonlyMap<string, Route>;
  /** The route that uploads take. */
  readonly uploads: Route;
  /** Makes inbox keys of idempotency keys. */
  readonly installationKey: string;
  storeOf(name: string): Store;
}

export function createSubmit(parts: SubmitParts): Submit {
  const { ledger, admit, rerun, redrive, routes, uploads, installationKey, storeOf } = parts;
  const serial = createSerial();
  const ownerMark = createOwnerMark(installationKey);

  async function take(
    key: string,
    file: SpoolFile,
    { ownerId, ...asked }: Required<Pick<AdmitOptions, "policy" | "requestDigest">> & Asker,
  ): Promise<JobRecord> {
    const owner = ownerId === undefined ? undefined : ownerMark(key, ownerId);
    const inbox = storeOf(uploads.input);
    const contentType = "application/octet-stream";
    const { version } = await withSpoolFile(file, (body) => inbox.put(key, body, { contentType }));
    try {
      const [admission] = await admit(uploads, [{ key, version }], { ...asked, owner });
      return admission!.record;
    } catch (error) {
      // Without a job nobody will come for the original; with one, it is published again later.
      const { records } = await ledger.find({ route: uploads.name, key, limit: 1 });
      if (records.length === 0) await inbox.remove(key);
      throw error;
    }
  }

  return {
    async upload(file, { name, policy, idempotencyKey, who, ownerId }) {
      const requestDigest = createHash("sha256")
        .update(`${file.sha256} ${policyDigest(policy)} ${name}`)
        .digest("hex");
      const asked = { policy, requestDigest, who, ownerId };
      if (idempotencyKey === undefined) {
        return take(`${randomUUID()}-${safeName(name)}`, file, asked);
      }
      // One request after the other, so that the second finds the first one's job.
      const key = createHmac("sha256", installationKey)
        .update(ownerId === undefined ? idempotencyKey : JSON.stringify([ownerId, idempotencyKey]))
        .digest("hex")
        .slice(0, 32);
      return serial.run(key, async () => {
        const { records } = await ledger.find({ route: uploads.name, key, limit: 1 });
        const [record] = records;
        if (record === undefined) return take(key, file, asked);
        if (record.requestDigest === requestDigest) return record;
        throw new Problem(
          "idempotency-conflict",
          "The Idempotency-Key came with another file or other options before",
          {
            remedy: "Use a new key for a new request.",
          },
        );
      });
    },

    async object({ store, key }, { policyFor, mayWeaken, who }) {
      const isTaken = (route: Route) => route.input === store && route !== uploads && !route.retired;
      const route = [...routes.values()].find(isTaken);
      if (route === undefined) throw new Problem("not-found", `There is no input store ${JSON.stringify(store)}`);
      const policy = policyFor(route.policy);
      const weaker = mayWeaken ? [] : weakerParts(policy, route.policy);
      if (weaker.length > 0) {
        throw new Problem(
          "forbidden",
          `Expected at least the policy of route ${route.name} but ${weaker.join(", ")} would mask less`,
          {
            remedy: "Whoever has the role review may ask for it.",
          },
        );
      }
      const info = await storeOf(store).head(key);
      if (info === undefined) throw new Problem("not-found", `There is no ${key} in ${store}`);
      const [admission] = await admit(route, [info], { policy, lane: "interactive", who });
      if (admission === undefined) throw new Problem("invalid-request", "The object's name is too long");
      const { record } = admission;
      // Somebody asks for it now, in another way than it was done before.
      // What waits for a person goes on waiting.
      if (policyDigest(record.job.policy) === policyDigest(policy) || record.state === "held") return record;
      return rerun(record, { policy, lane: "interactive", who });
    },

    async isOwn(record, { who, ownerId }) {
      const { route, input } = record.job;
      if (route !== uploads.name) return false;
      // Another revision of it may be somebody else's doing. They come by their last change, not by their revision.
      const { records } = await ledger.find({ route, key: input.key, limit: 500 });
      const first = records.reduce((one, other) => (other.job.revision < one.job.revision ? other : one), record);
      const [admitted] = await ledger.history(first.job.id);
      if (admitted?.owner === undefined) return admitted?.who === who;
      return ownerId !== undefined && admitted.owner === ownerMark(input.key, ownerId);
    },

    nameOf({ input: { store, key } }) {
      const name = key.slice(key.lastIndexOf("/") + 1);
      // Uploads lie in the inbox as UUID-NAME, or under a digest of their Idempotency-Key.
      return store === uploads.input ? name.replace(/^[0-9a-f-]{32,36}-?/, "") : name;
    },

    retry: redrive,
  };
}

const maxNameBytes = 180;

/** A file name as a key: no separators, no control characters, its last `maxNameBytes` bytes of UTF-8. */
function safeName(name: string): string {
  const safe = name
    .normalize("NFC")
    .replace(/[\p{Cc}\p{Cf}\p{Cs}/\\:*?"<>|]+/gu, "_")
    .replace(/^\.+/, "")
    // In a store such a name has another meaning.
    .replaceAll("~removing-", "_removing-");
  const points = [...safe];
  while (Buffer.byteLength(points.join("")) > maxNameBytes) points.shift();
  return points.length === 0 ? "upload" : points.join("");
}
