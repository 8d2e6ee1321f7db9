import type { CopyType } from "../core/copyable.ts";
import type { Lane } from "../core/job.ts";
import type { Policy } from "../core/policy.ts";
import type { Attributes } from "../stores/store.ts";

/** The route of what people hand in. */
export const uploadRoute = "upload";

/** From where to where, and how: every job belongs to one route. */
export interface Route {
  readonly name: string;
  /** Name of the store that originals are read from. */
  readonly input: string;
  /** Name of the store that masked pictures are written to. */
  readonly output: string;
  readonly policy: Policy;
  readonly lane: Lane;
  /** Whether veil looks for new objects itself; otherwise requests alone feed the route. */
  readonly watched: boolean;
  /** It is configured no more: what it left in the queue ends as it would have, and nothing new is taken for it. */
  readonly retired?: true;
  /** Whether the original goes when its job is finished: for uploads, which veil took in itself. */
  readonly removeInput: boolean;
  /** What becomes of an original once its output was read back and is whole; absent: it stays. */
  readonly originals?: { readonly become: "delete" } | { readonly become: "move"; readonly to: string };
  /** Kinds of files that are no pictures and are passed on as they are; absent: none. */
  readonly copyTypes?: readonly CopyType[];
  /** What outputs are to have of their own. */
  readonly attributes?: Omit<Attributes, "modifiedAt"> & { readonly times?: "now" | "original" };
}

/** For what people hand in, with the policy of the settings. */
export function routeOfUploads(policy: Policy): Route {
  return {
    ...{ name: uploadRoute, input: "inbox", output: "results", lane: "interactive", policy },
    ...{ watched: false, removeInput: true },
  };
}

/** The masked picture's key: the original's, except that HEIC is written as JPEG and says so. */
export function outputKey(inputKey: string): string {
  return /\.(heic|heif|hif)$/i.test(inputKey) ? `${inputKey}.jpg` : inputKey;
}
