// What a decoder that was broken into could do: it says what its first argument tells, in place of an engine process.
import { writeFileSync } from "node:fs";

interface Request {
  readonly verb: string;
  readonly name?: string;
}

const lies = JSON.parse(process.argv[2] ?? "{}") as Readonly<Record<string, object>>;
const sha256 = "0".repeat(64);
const truth: Readonly<Record<string, unknown>> = {
  setup: { name: "broken", digest: sha256, seen: { folder: false, network: false } },
  open: { format: "png", width: 512, height: 512, frames: 1 },
  look: { first: [], second: [] },
  render: { contentType: "image/png", extension: "png", size: 9, sha256, width: 512, height: 512 },
};

process.on("message", ({ verb, name }: Request) => {
  if (verb === "render") writeFileSync(`out/${name}`, "<script/>", { flag: "wx" });
  process.send!({ ok: true, value: verb === "close" ? null : { ...(truth[verb] as object), ...lies[verb] } });
});
