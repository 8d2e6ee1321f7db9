import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import { orientedJpeg } from "../fixtures/odd-files.ts";
import { portraitPath } from "../fixtures/scenes.ts";
import { runVeil } from "../fixtures/veil-command.ts";

let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-cli-residue-"));
  const portrait = await sharp(portraitPath).png().toBuffer();
  const { data, info } = await sharp(portrait).ensureAlpha(0).raw().toBuffer({ resolveWithObject: true });
  await Promise.all([
    writeFile(join(folder, "photo.jpg"), await orientedJpeg(portrait, 6)),
    writeFile(join(folder, "clean.png"), portrait),
    writeFile(join(folder, "hidden.png"), await sharp(data, { raw: info }).png().toBuffer()),
    writeFile(join(folder, "notes.txt"), "text"),
  ]);
});
after(() => rm(folder, { recursive: true }));

const veil = (...args: readonly string[]) => runVeil(args, { cwd: folder, env: { TMPDIR: join(folder, "tmp") } });

describe("veil residue", () => {
  test("names what a photo carries, and finds nothing once it is masked", async () => {
    const before = await veil("residue", "photo.jpg");
    assert.equal(before.code, 1, before.err);
    assert.match(before.out, /^photo\.jpg: jpeg: 2 found, 1 with a picture\n/);
    assert.match(before.out, /^ +\d+ +\d+ {2}picture {2}EXIF thumbnail$/m);
    assert.equal((await veil("mask", "photo.jpg", "-o", "masked.jpg")).code, 0);
    const after = await veil("residue", "masked.jpg", "clean.png");
    assert.deepEqual([after.code, after.out], [0, "masked.jpg: jpeg: nothing found\nclean.png: png: nothing found\n"]);
  });

  test("--json tells colours under transparency, files that are no pictures and files that are not there", async () => {
    const { code, out } = await veil("residue", "hidden.png", "notes.txt", "absent.jpg", "clean.png", "--json");
    assert.equal(code, 1);
    const [hidden, notes, absent, clean] = JSON.parse(out);
    assert.deepEqual(
      hidden.findings.map(({ kind, picture }: { kind: string; picture: boolean }) => [kind, picture]),
      [["hidden-pixels", true]],
    );
    assert.equal(notes.problem.code, "unsupported");
    assert.equal(absent.problem.code, "not-found");
    assert.deepEqual([clean.format, clean.findings, clean.problem], ["png", [], undefined]);
  });

  test("a file is named once, also by mask and detect that refuse it", async () => {
    const absent = await veil("residue", "nosuch.jpg");
    assert.deepEqual(
      [absent.code, absent.out],
      [1, "nosuch.jpg: not looked through: there is no such file or folder\n"],
    );
    for (const command of ["mask", "detect"]) {
      const { code, err } = await veil(command, "notes.txt");
      assert.deepEqual([code, err], [1, "veil: notes.txt: Expected a picture but received: text\n"], command);
    }
  });

  test("--metadata keeps what it names, and residue tells it", async () => {
    const dated = await sharp(join(folder, "clean.png"))
      .withExif({ IFD0: { Make: "Maker", Software: "secret" } })
      .jpeg()
      .toBuffer();
    await writeFile(join(folder, "dated.jpg"), dated);
    assert.equal((await veil("mask", "dated.jpg", "-o", "kept.jpg", "--metadata", "keep-safe")).code, 0);
    const { exif } = await sharp(join(folder, "kept.jpg")).metadata();
    assert.deepEqual([exif!.includes("Maker"), exif!.includes("secret")], [true, false]);
    assert.match((await veil("residue", "kept.jpg")).out, /^kept\.jpg: jpeg: 1 found, 0 with a picture\n.*\n.*EXIF$/m);
    assert.equal((await veil("mask", "dated.jpg", "-o", "all.jpg", "--metadata", "all")).code, 2);
  });
});
