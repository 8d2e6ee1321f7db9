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

/** The verbs between pool and engine process: paths, regions and digests cross, never pixels. */
export type EngineRequest =
  | { readonly verb: "setup"; readonly setup: EngineSetup }
  /** `scratch`: an owner-only folder for this picture's intermediate files, which the service removes. */
  | { readonly verb: "open"; readonly path: string; readonly scratch: string }
  | { readonly verb: "look"; readonly policy: Policy }
  | { readonly verb: "render"; readonly regions: readonly Region[]; readonly policy: Policy; readonly outPath: string }
  | { readonly verb: "preview"; readonly outPath: string }
  | { readonly verb: "close" };

export interface EngineAnswers {
  setup: { readonly name: string; readonly digest: string };
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
