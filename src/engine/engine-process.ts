// One engine process: it holds at most one picture at a time and answers one request after the other.
import { Problem, toProblem } from "../errors.ts";
import { createFullRangeDetector } from "./full-range.ts";
import { type OpenPicture, openPicture, type PictureSetup } from "./image-medium.ts";
import type { EngineAnswers, EngineReply, EngineRequest, EngineVerb } from "./protocol.ts";

let setup: PictureSetup | undefined;
let picture: OpenPicture | undefined;

async function answer(request: EngineRequest): Promise<EngineAnswers[EngineVerb]> {
  if (request.verb === "setup") {
    const { limits, spool, model } = request.setup;
    const detector = await createFullRangeDetector(model);
    setup = { limits, spool, detector };
    return { name: detector.name, digest: detector.digest };
  }
  if (setup === undefined) throw new Problem("internal", "The engine process was not set up");
  if (request.verb === "open") {
    picture = await openPicture(request.path, setup);
    return picture.header;
  }
  if (request.verb === "close") {
    picture = undefined;
    return null;
  }
  if (picture === undefined) throw new Problem("internal", `Expected an open picture for ${request.verb}`);
  return request.verb === "detect"
    ? picture.detect(request.policy)
    : picture.render(request.regions, request.policy, request.outPath);
}

process.on("message", (request: EngineRequest) => {
  answer(request).then(
    (value) => reply({ ok: true, value }),
    (error: unknown) => {
      const { code, message, remedy } = toProblem(error);
      reply({ ok: false, code, detail: message, ...(remedy !== undefined && { remedy }) });
    },
  );
});

// The service is gone, however it went: nobody will ask for anything any more.
process.on("disconnect", () => process.exit());

function reply(message: EngineReply): void {
  process.send?.(message);
}
