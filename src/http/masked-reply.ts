import { readFile } from "node:fs/promises";
import type { FastifyReply } from "fastify";
import { maskedName } from "../core/masked-name.ts";
import type { Region } from "../core/region.ts";
import type { MaskedNow } from "../pipeline/mask-now.ts";
import { readSpoolFile } from "../pipeline/spool.ts";
import { inlineAs } from "./disposition.ts";
import type { AnonymizedItem, RegionBody } from "./schema.ts";

/** Streams a masked picture and removes it once it is sent, or the client is gone. */
export async function sendMasked(reply: FastifyReply, name: string, result: MaskedNow): Promise<FastifyReply> {
  const { masked, regions } = result;
  const stream = await readSpoolFile(masked);
  stream.once("close", () => void result[Symbol.asyncDispose]());
  reply.header("x-veil-regions", regions.length);
  reply.header("content-disposition", inlineAs(maskedName(name, masked.contentType)));
  return reply.type(masked.contentType).header("content-length", masked.size).send(stream);
}

/** One picture's outcome as JSON; no detector where the regions came from the request. */
export async function itemOf(name: string, result: MaskedNow, detector: string | null): Promise<AnonymizedItem> {
  const { masked, regions, frames, previews } = result;
  return {
    name,
    masked_name: maskedName(name, masked.contentType),
    anonymized_base64: await readBase64(masked.path),
    content_type: masked.contentType,
    width: masked.width,
    height: masked.height,
    frames,
    regions: regions.map(regionBody),
    detector,
    previews: previews ? { before_base64: base64Of(previews.before), after_base64: base64Of(previews.after) } : null,
    problem: null,
  };
}

/** A spool file in base64. */
export async function readBase64(path: string): Promise<string> {
  return readFile(path, "base64");
}

function base64Of({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("base64");
}

/** A region as the API shows it. */
export function regionBody({ kind, box, score, keypoints, frame }: Region): RegionBody {
  return {
    kind,
    box: { ...box },
    score,
    ...(keypoints && { keypoints: [...keypoints] }),
    ...(frame !== undefined && { frame }),
  };
}
