import { createHmac } from "node:crypto";
import type { Job } from "../core/job.ts";
import { policyDigest } from "../core/policy.ts";
import type { Metadata } from "../stores/store.ts";

/** What is kept with a result in stores that can: which job made it, by which policy, and through which routes it came. */
export interface Marks {
  /** For a job's result, out of an original with that metadata. */
  metadataOf(job: Job, original: Metadata | undefined): Metadata;
  /** Whether what has that metadata came through the route before: taking it again would never end. */
  hasPassed(route: string, original: Metadata | undefined): boolean;
}

const jobName = "veil-job";
const viaName = "veil-via";
/** Each mark is 16 characters; stores keep 2 kB. */
const mostMarks = 64;

/** The job that made what has that metadata, if it says so. */
export function makerOf(metadata: Metadata | undefined): string | undefined {
  return metadata?.[jobName];
}

/** A route's mark is this installation's own: another one's route of the same name may mask the result once more. */
export function createMarks(installationKey: string): Marks {
  const markOf = (route: string) =>
    createHmac("sha256", installationKey)
      .update(JSON.stringify(["route", route]))
      .digest("hex")
      .slice(0, 16);
  const viaOf = (original: Metadata = {}) => (original[viaName] ?? "").split(",").filter((mark) => mark !== "");
  return {
    metadataOf({ id, route, policy }, original) {
      const via = [...viaOf(original), markOf(route)].slice(-mostMarks);
      return { [jobName]: id, "veil-policy": policyDigest(policy).slice(0, 16), [viaName]: via.join(",") };
    },
    hasPassed: (route, original) => viaOf(original).includes(markOf(route)),
  };
}
