// One engine process: it holds at most one picture at a time and answers one request after the other.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { Problem, toProblem } from "../errors.ts";
import { openDetector } from "./detectors.ts";
import { memoryFolder } from "./engine-folder.ts";
import { type OpenPicture, openPicture, type PictureSetup } from "./image-medium.ts";
import { lookOutside } from "./look-outside.ts";
import type { EngineAnswers, EngineReply, EngineRequest, EngineVerb } from "./protocol.ts";

/**
 * A thread beside the busy one: when the service is gone, however it went, nobody will ask for anything any more, and
 * the process ends with all that it started; the busy thread would see it only when it is free. A text, since a thread
 * that strips types takes 20 MB.
 */
const watch = `
  const { workerData } = require("node:worker_threads");
  setInterval(() => {
    if (process.ppid !== workerData.parent) process.kill(0, "SIGKILL");
  }, 500);
`;
// The parent is named by itself: it may be gone before this line. None is where the system does this.
const [, , parent] = process.argv;
if (parent !== undefined) new Worker(watch, { eval: true, workerData: { parent: Number(parent) } });

// Of the folder that the service started it in.
const [originals, results] = ["in", "out"] as const;

let setup: PictureSetup | undefined;
let picture: OpenPicture | undefined;

async function answer(request: EngineRequest): Promise<EngineAnswers[EngineVerb]> {
  if (request.verb === "setup") {
    const { limits } = request.setup;
    const detector = await openDetector(request.setup.detector);
    setup = { limits, detector, scratch: existsSync(memoryFolder) ? memoryFolder : results };
    return { name: detector.name, digest: detector.digest, seen: lookOutside(request.outside) };
  }
  if (setup === undefined) throw new Problem("internal", "The engine process was not set up");
  if (request.verb === "open") {
    picture = await openPicture({ path: join(originals, request.name), key: request.key }, setup);
    return picture.header;
  }
  if (request.verb === "close") {
    picture = undefined;
    return null;
  }
  if (picture === undefined) throw new Problem("internal", `Expected an open picture for ${request.verb}`);
  if (request.verb === "preview") {
    await picture.preview(join(results, request.name), request.key);
    return null;
  }
  return request.verb === "look"
    ? picture.look(request.policy)
    : picture.render(request.regions, request.policy, join(results, request.name));
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

// The service is gone: what this process started, a decoder maybe, goes with it.
process.on("disconnect", () => process.kill(0, "SIGKILL"));

function reply(message: EngineReply): void {
  process.send?.(message);
}
