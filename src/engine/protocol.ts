import type { KeptRegions } from "../core/kept-regions.ts";
import type { Limits, PictureHeader } from "../core/media.ts";
import type { Policy } from "../core/policy.ts";
import type { Region } from "../core/region.ts";
import type { ProblemCode } from "../errors.ts";
import type { DetectorSetup } from "./detectors.ts";
import type { RenderedFile } from "./image-medium.ts";

/** What an engine process is started with: its first message. */
export interface EngineSetup {
  readonly limits: Limits;
  readonly detector: DetectorSetup;
}

/** Of the service: a folder of its own, and what the system calls the network that it is in. */
export interface Outside {
  readonly folder: string;
  readonly network: string | undefined;
}

/** What an engine process saw of that when it tried. */
export interface Seen {
  readonly folder: boolean;
  readonly network: boolean;
}

/** The verbs between pool and engine process: names, regions and digests cross, never pixels. Names are those of files in its folder. */
export type EngineRequest =
  /** `outside`: what of the service a process that is shut in can't see. */
  | { readonly verb: "setup"; readonly setup: EngineSetup; readonly outside: Outside }
  /** `key`: what the file is sealed with, if it is. */
  | { readonly verb: "open"; readonly name: string; readonly key: Uint8Array | undefined }
  | { readonly verb: "look"; readonly policy: Policy }
  | { readonly verb: "render"; readonly regions: readonly Region[]; readonly policy: Policy; readonly name: string }
  /** Is sealed before it is written: it may be of an original. */
  | { readonly verb: "preview"; readonly name: string; readonly key: Uint8Array }
  | { readonly verb: "close" };

export interface EngineAnswers {
  setup: { readonly name: string; readonly digest: string; readonly seen: Seen };
  open: PictureHeader;
  look: KeptRegions;
  render: RenderedFile;
  preview: null;
  close: null;
}

export type EngineVerb = EngineRequest["verb"];

export type EngineReply =
  | { readonly ok: true; readonly value: EngineAnswers[EngineVerb] }
  | { readonly ok: false; readonly code: ProblemCode; readonly detail: string; readonly remedy?: string };
