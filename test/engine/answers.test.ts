import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { after, afterEach, describe, test } from "node:test";
import { defaultPolicy } from "../../src/core/policy.ts";
import { checkedAnswer, requireAsSaid, UntrueAnswer } from "../../src/engine/answers.ts";
import { createPool } from "../../src/engine/pool.ts";
import { Problem } from "../../src/errors.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { bundled } from "./detectors.ts";

const portrait = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
const broken = new URL("./broken-process.ts", import.meta.url).pathname;
const limits = { maxBytes: 2 ** 20, maxPixels: 1e6, maxFrames: 20 };
const sha256 = "ab".repeat(32);
const region = { kind: "face", box: { x: 1.5, y: 2, width: 3, height: 4 }, score: 0.9 };
const rendered = { contentType: "image/png", extension: "png", size: 9, sha256, width: 5, height: 5 };
const folder = await temporaryFolder();
after(() => folder[Symbol.asyncDispose]());

describe("what an engine process says", () => {
  test("is taken over where it is what one says, and nothing beside it", () => {
    const header = { format: "jpeg", width: 1000, height: 1000, frames: 1 };
    assert.deepEqual(checkedAnswer("open", { ...header, more: "<script/>" }, limits), header);
    const regions = { first: [{ ...region, keypoints: [{ x: 1, y: 2 }], frame: 0 }], second: [] };
    assert.deepEqual(checkedAnswer("look", regions, limits), regions);
    assert.deepEqual(checkedAnswer("render", { ...rendered, path: "/etc/passwd" }, limits), rendered);
    assert.equal(checkedAnswer("preview", { path: "/etc/passwd" }, limits), null);
  });

  test("is refused where no engine process says that", () => {
    const lies: readonly (readonly [Parameters<typeof checkedAnswer>[0], unknown])[] = [
      ["setup", { name: "a\nb", digest: sha256, seen: {} }],
      ["setup", { name: "a", digest: "../..", seen: {} }],
      ["open", null],
      ["open", { format: "html", width: 1, height: 1, frames: 1 }],
      ["open", { format: "png", width: 1e9, height: 1, frames: 1 }],
      ["open", { format: "png", width: 1, height: "1", frames: 1 }],
      ["open", { format: "png", width: 1, height: 1, frames: 21 }],
      ["look", { first: [], second: "none" }],
      ["look", { first: [{ ...region, kind: "nothing" }], second: [] }],
      ["look", { first: [{ ...region, score: Number.NaN }], second: [] }],
      ["look", { first: [{ ...region, box: { x: 0 } }], second: [] }],
      ["render", { ...rendered, contentType: "text/html" }],
      ["render", { ...rendered, contentType: "image/svg+xml", extension: "svg" }],
      ["render", { ...rendered, extension: "html" }],
      ["render", { ...rendered, sha256: "" }],
      ["render", { ...rendered, size: -1 }],
    ];
    for (const [verb, lie] of lies)
      assert.throws(() => checkedAnswer(verb, lie, limits), UntrueAnswer, `${verb} ${JSON.stringify(lie)}`);
  });

  test("of a masked file is compared with the file", async () => {
    const file = await readFile(portrait);
    const said = { ...rendered, size: file.length, sha256: createHash("sha256").update(file).digest("hex") };
    await requireAsSaid(portrait, said);
    await assert.rejects(requireAsSaid(portrait, { ...said, size: 1 }), UntrueAnswer);
    await assert.rejects(requireAsSaid(portrait, { ...said, sha256 }), UntrueAnswer);
    await assert.rejects(requireAsSaid(portrait, { ...said, contentType: "image/gif" }), UntrueAnswer);
  });
});

describe("a process that was broken into", () => {
  const path = process.env.PATH;
  afterEach(() => {
    process.env.PATH = path;
  });

  /** A pool whose sandbox starts a process of that kind. */
  async function poolOf(lies: object): Promise<ReturnType<typeof createPool>> {
    const place = join(folder.path, createHash("sha256").update(JSON.stringify(lies)).digest("hex"));
    const [bin, spool] = [join(place, "bin"), join(place, "spool")];
    for (const one of [bin, spool]) await mkdir(one, { recursive: true, mode: 0o700 });
    const node = `'${process.execPath}' --disable-warning=ExperimentalWarning '${broken}' '${JSON.stringify(lies)}'`;
    await writeFile(join(bin, "bwrap"), `#!/bin/sh\nexec ${node}\n`);
    await chmod(join(bin, "bwrap"), 0o755);
    process.env.PATH = `${bin}${delimiter}${path}`;
    const all = { processes: 1, deadlineMs: 20_000, memoryMb: 512, spool, limits, detector: bundled };
    return createPool({ ...all, isolation: "bubblewrap" });
  }

  const lies: Readonly<Record<string, object>> = {
    "names another content type": { render: { contentType: "text/html", extension: "html" } },
    "gives a file that is no picture": {},
    "finds what are no regions": { look: { first: "all", second: [] } },
    "opens another kind of file": { open: { format: "../../x" } },
  };
  for (const [what, lie] of Object.entries(lies)) {
    test(`and ${what} gives nothing, and is replaced`, async () => {
      const pool = await poolOf(lie);
      try {
        const work = async () => {
          const picture = await pool.open(portrait);
          try {
            return await picture.render(await picture.detect(defaultPolicy), defaultPolicy);
          } finally {
            await picture.close();
          }
        };
        await assert.rejects(work(), (error) => error instanceof Problem && error.code === "internal");
        assert.deepEqual([pool.stats().live, pool.stats().replaced], [0, 1]);
      } finally {
        await pool.close();
      }
      const [spool] = (await readdir(folder.path, { recursive: true })).filter((name) => name.endsWith(".masked"));
      assert.equal(spool, undefined);
    });
  }
});
