import assert from "node:assert/strict";
import { access, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import { detailCorrelation, pixelsOf } from "../fixtures/pixels.ts";
import { runVeil } from "../fixtures/veil-command.ts";

const face = { x: 175, y: 52, width: 97, height: 127 };
let folder = "";
let portrait: Buffer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-cli-"));
  await mkdir(join(folder, "tmp"));
  portrait = await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
    .jpeg({ quality: 92 })
    .toBuffer();
});
after(() => rm(folder, { recursive: true }));

/** Of the portrait's regions only her face is certain. */
const veil = (args: readonly string[], input?: Buffer) =>
  runVeil(args, { cwd: folder, env: { TMPDIR: join(folder, "tmp"), VEIL_POLICY_MIN_SCORE: "0.8" }, input });

async function assertMasked(file: Buffer): Promise<void> {
  const [before, now] = [await pixelsOf(portrait), await pixelsOf(file)];
  assert.ok(Math.abs(detailCorrelation(before, now, face)) < 0.1, "detail of the face survived");
}

describe("veil mask PICTURE", () => {
  const noProc = process.platform !== "linux" && "no /proc, where not even root may write";
  test("names the folder that a result could not be written to", { skip: noProc }, async () => {
    await writeFile(join(folder, "original.jpg"), portrait);
    const { code, err } = await veil(["mask", "original.jpg", "-o", "/proc/p.jpg"]);
    assert.notEqual(code, 0);
    assert.match(err, /Cannot write p\.jpg to \/proc: E/);
  });

  test("writes the masked picture and says what it found", async () => {
    await writeFile(join(folder, "photo.jpg"), portrait);
    const { code, err } = await veil(["mask", "photo.jpg", "-o", "masked.jpg"]);
    assert.equal(code, 0, err);
    assert.match(err, /^masked\.jpg: \d+ faces? masked/);
    await assertMasked(await readFile(join(folder, "masked.jpg")));
    assert.deepEqual(await readFile(join(folder, "photo.jpg")), portrait);
  });

  test("never replaces a file without --force", async () => {
    const again = await veil(["mask", "photo.jpg", "-o", "masked.jpg"]);
    assert.equal(again.code, 1);
    assert.match(again.err, /masked\.jpg exists already\n.*--force/);
    assert.equal((await veil(["mask", "photo.jpg", "-o", "masked.jpg", "--force", "--style", "solid"])).code, 0);
    const itself = await veil(["mask", "photo.jpg", "-o", "./photo.jpg", "--force"]);
    assert.equal(itself.code, 2);
    assert.deepEqual(await readFile(join(folder, "photo.jpg")), portrait);
  });

  test("refuses a name that says another format than the result has", async () => {
    const { code, err } = await veil(["mask", "photo.jpg", "-o", "converted.png"]);
    assert.equal(code, 2);
    assert.match(err, /^veil: Expected a name that ends in \.jpg .* converted\.png\n.*does not convert/);
    await assert.rejects(access(join(folder, "converted.png")));
    const silent = await veil(["mask", "photo.jpg", "-o", "converted.new", "--profile", "fast"]);
    assert.equal(silent.code, 0, silent.err);
  });

  test("without --out lies beside the picture, with an extension that fits the content", async () => {
    await writeFile(join(folder, "lying.jpg"), await sharp(portrait).resize(200).png().toBuffer());
    const { code, err } = await veil(["mask", "lying.jpg"]);
    assert.equal(code, 0, err);
    assert.equal((await sharp(join(folder, "lying-masked.png")).metadata()).format, "png");
  });

  test("reads standard input and writes standard output", async () => {
    const { code, bytes, err } = await veil(["mask", "-"], portrait);
    assert.equal(code, 0, err);
    await assertMasked(bytes);
  });

  test("a damaged picture gives a reason, exit code 1 and no output", async () => {
    const { code, bytes, err } = await veil(["mask", "-"], portrait.subarray(0, 20_000));
    assert.deepEqual([code, bytes.length], [1, 0]);
    assert.match(err, /^veil: The jpeg file could not be decoded/);
  });

  test("wrong usage is exit code 2 and says what was expected", async () => {
    for (const args of [
      ["mask"],
      ["mask", "photo.jpg", "--style", "ghost"],
      ["mask", "photo.jpg", "--quality", "500"],
      ["dance"],
    ]) {
      assert.equal((await veil(args)).code, 2, args.join(" "));
    }
  });
});

describe("veil mask PICTURE PICTURE FOLDER", () => {
  const inFolder = (...path: string[]) => join(folder, "many", ...path);

  before(async () => {
    for (const name of ["c/d", "other"]) await mkdir(inFolder(name), { recursive: true });
    for (const name of ["a.jpg", "b.JPEG", "c/a.jpg", "c/d/e.jpg", "other/a.jpg"])
      await writeFile(inFolder(name), portrait);
    await writeFile(inFolder("c/f.jpg.part"), portrait);
    await writeFile(
      inFolder("sky.png"),
      await sharp({ create: { width: 90, height: 90, channels: 3, background: "#68a" } })
        .png()
        .toBuffer(),
    );
  });

  test("masks each beside itself, says where and in which no face was found, and replaces nothing", async () => {
    const pictures = ["many/a.jpg", "many/b.JPEG", "many/sky.png"];
    const { code, err } = await veil(["mask", ...pictures]);
    assert.equal(code, 0, err);
    assert.match(
      err,
      /^3 masked; 2 faces; .*\nResults lie beside the originals as NAME-masked\.EXT\.\nNo face found, look yourself: many\/sky\.png\n$/,
    );
    await assertMasked(await readFile(inFolder("a-masked.jpg")));
    await assertMasked(await readFile(inFolder("b-masked.JPEG")));
    assert.deepEqual(await readFile(inFolder("a.jpg")), portrait);
    const again = await veil(["mask", "many/a.jpg", "many/a.jpg", "many/c/a.jpg"]);
    assert.equal(again.code, 1);
    assert.match(
      again.err,
      /^1 masked, 1 failed; [\s\S]*failed {2}many\/a\.jpg: many\/a-masked\.jpg exists already \(Add --force/,
    );
    await rm(inFolder("c/a-masked.jpg"));
  });

  test("with --out keeps names and folders, goes on where it stopped, and never puts two pictures into one", async () => {
    const command = ["mask", "many/a.jpg", "many/c", "many/other/a.jpg", "--out", "results/"];
    const { code, err } = await veil(command);
    assert.equal(code, 1);
    assert.match(err, /^3 masked, 1 skipped \(not pictures\), 1 failed; 3 faces/);
    assert.match(err, /failed {2}many\/other\/a\.jpg: many\/a\.jpg has the same name among the results/);
    const files = (await readdir(join(folder, "results"), { recursive: true })).sort();
    assert.deepEqual(files, [".veil-manifest.jsonl", "a.jpg", "c", "c/a.jpg", "c/d", "c/d/e.jpg"]);
    for (const name of ["a.jpg", "c/d/e.jpg"]) await assertMasked(await readFile(join(folder, "results", name)));
    assert.match((await veil(command)).err, /^0 masked, 3 done before, /);
    // Another picture of a name that is taken is not the same picture.
    const other = await veil(["mask", "many/other/a.jpg", "--out", "results/"]);
    assert.equal(other.code, 1);
    assert.match(other.err, /something that veil did not write/);
  });

  test("refuses before any work what could replace an original, is not there, or names no folder", async () => {
    const own = await veil(["mask", "many/a.jpg", "many/b.JPEG", "--out", "many", "--force"]);
    assert.deepEqual([own.code, await readFile(inFolder("a.jpg"))], [2, portrait]);
    assert.equal((await veil(["mask", "many/a.jpg", "many/nosuch.jpg", "--out", "results2"])).code, 1);
    await assert.rejects(access(join(folder, "results2")));
    assert.match(
      (await veil(["mask", "many/a.jpg", "many/c"])).err,
      /^veil: Expected --out FOLDER for the folder many\/c\n/,
    );
    assert.equal((await veil(["mask", "many/a.jpg", "-"])).code, 2);
  });
});

describe("veil mask FOLDER", () => {
  const inputs = () => join(folder, "holiday");
  const outputs = () => join(folder, "out");

  before(async () => {
    await mkdir(join(inputs(), "day 1"), { recursive: true });
    await writeFile(join(inputs(), "a.jpg"), portrait);
    await writeFile(join(inputs(), "day 1/b.png"), await sharp(portrait).png().toBuffer());
    await writeFile(join(inputs(), "notes.txt"), "text");
    await writeFile(join(inputs(), "cut.jpg"), portrait.subarray(0, 20_000));
  });

  test("masks every picture below it, skips what is none, lists what failed, and ends with 1", async () => {
    const { code, err } = await veil(["mask", "holiday", "--out", "out"]);
    assert.equal(code, 1);
    assert.match(err, /2 masked, 1 skipped \(not pictures\), 1 failed; 2 faces; [\d.]+ pictures a second\n/);
    assert.match(err, /failed {2}cut\.jpg: The jpeg file could not be decoded/);
    await assertMasked(await readFile(join(outputs(), "a.jpg")));
    await assertMasked(await readFile(join(outputs(), "day 1/b.png")));
    assert.deepEqual((await readdir(outputs())).sort(), [".veil-manifest.jsonl", "a.jpg", "day 1"]);
  });

  test("says no rate where nothing was masked", async () => {
    const { code, err } = await veil(["mask", "holiday", "--out", "out"]);
    assert.equal(code, 1);
    assert.match(err, /^0 masked, 2 done before, 1 skipped \(not pictures\), 1 failed; 2 faces\n/);
  });

  test("goes on where it stopped: what is done is not done again, what changed is", async () => {
    await rm(join(inputs(), "cut.jpg"));
    const before = (await stat(join(outputs(), "a.jpg"))).mtimeMs;
    const idle = await veil(["mask", "holiday", "--out", "out"]);
    assert.equal(idle.code, 0, idle.err);
    assert.match(idle.err, /^0 masked, 2 done before/m);
    assert.equal((await stat(join(outputs(), "a.jpg"))).mtimeMs, before);

    await utimes(join(inputs(), "a.jpg"), new Date(), new Date());
    assert.match((await veil(["mask", "holiday", "--out", "out"])).err, /^1 masked, 1 done before/m);
    assert.match((await veil(["mask", "holiday", "--out", "out", "--style", "solid"])).err, /^2 masked/m);
  });

  test("a file at the output that veil did not write is never taken for masked", async () => {
    await mkdir(join(folder, "mixed"));
    await writeFile(join(folder, "mixed/a.jpg"), portrait);
    const { code, err } = await veil(["mask", "holiday", "--out", "mixed"]);
    assert.equal(code, 1);
    assert.match(err, /failed {2}a\.jpg: something that veil did not write/);
    assert.deepEqual(await readFile(join(folder, "mixed/a.jpg")), portrait);
    assert.equal((await veil(["mask", "holiday", "--out", "mixed", "--force"])).code, 0);
    await assertMasked(await readFile(join(folder, "mixed/a.jpg")));
  });

  test("an output folder inside the input is refused: it would feed on itself", async () => {
    assert.equal((await veil(["mask", "holiday", "--out", "holiday/out"])).code, 2);
    await assert.rejects(access(join(inputs(), "out")));
  });
});

describe("the other commands", () => {
  test("say in plain words what the system refused", async () => {
    const absent = await veil(["detect", "nosuch.jpg"]);
    assert.deepEqual([absent.code, absent.err], [1, "veil: nosuch.jpg: there is no such file or folder\n"]);
    const onFolder = await veil(["detect", "holiday"]);
    assert.match(onFolder.err, /^veil: holiday: expected a picture but it is a folder\n/);
    const intoFile = await veil(["mask", "holiday", "--out", "photo.jpg"]);
    assert.match(intoFile.err, /^veil: .*photo\.jpg: expected a folder but it is a file\n$/);
  });

  test("veil detect --json gives regions with scores", async () => {
    const { code, out } = await veil(["detect", "photo.jpg", "--json"]);
    assert.equal(code, 0);
    const found = JSON.parse(out);
    assert.deepEqual([found.width, found.height, found.format], [512, 512, "jpeg"]);
    assert.ok(found.regions.some((region: { score: number }) => region.score > 0.9));
  });

  test("veil config print shows each value with its origin", async () => {
    const { code, out } = await veil(["config", "print", "--set", "policy.style=solid"]);
    assert.equal(code, 0);
    assert.match(out, /style: solid +# --set/);
  });

  test("all faults of the configuration are reported at once", async () => {
    const { code, err } = await veil([
      "config",
      "print",
      "--port",
      "many",
      "--set",
      "policy.stile=solid",
      "--set",
      "limits.maxBytes=-1",
    ]);
    assert.equal(code, 2);
    for (const fault of [/port/, /policy\.stile.*policy\.style/, /limits\.maxBytes/]) assert.match(err, fault);
  });

  test("veil doctor finds everything that it needs", async () => {
    const { code, out } = await veil(["doctor", "--data-dir", join(folder, "data")]);
    assert.equal(code, 0, out);
    assert.match(out, /✓ Detector +mediapipe-full-range/);
  });

  test("veil jobs works on a data folder without a running service", async () => {
    const { code, out } = await veil(["jobs", "--data-dir", join(folder, "data")]);
    assert.equal(code, 0);
    assert.equal(out, "no jobs yet\n");
    assert.equal((await veil(["jobs", "retry", "abc", "--data-dir", join(folder, "data")])).code, 1);
  });

  test("no command leaves files in the system's temporary folder", async () => {
    assert.deepEqual(await readdir(join(folder, "tmp", `veil-${userInfo().username}`)), []);
  });
});
