import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, chown, copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { until } from "../e2e/program.ts";
import {
  buildah,
  type Container,
  type ImageConfig,
  imageRoot,
  ownedFolder,
  startContainer,
  withoutImages,
} from "../fixtures/image-container.ts";
import { detailCorrelation, pixelsOf } from "../fixtures/pixels.ts";
import { portraitFace, portraitPath } from "../fixtures/scenes.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const mostMegabytes = 500;

describe("the container image", { skip: withoutImages() }, () => {
  let container: string;
  let files: string;
  let config: ImageConfig;

  before(async () => {
    // A run of all tests has built it before it gave up its network.
    if (process.env.TEST_IMAGE === undefined) {
      const build = [join(root, "scripts/build-image.mjs"), "--debootstrap", "trixie", "--root", imageRoot];
      await promisify(execFile)(process.execPath, [...build, "--tag", "localhost/veil-test"], { cwd: root });
    }
    container = (await buildah("from", "localhost/veil-test")).split("\n").at(-1)!;
    files = await buildah("mount", container);
    config = JSON.parse(await buildah("inspect", "--type", "image", "localhost/veil-test")).Docker.config;
  });
  after(async () => {
    await buildah("rm", container);
  });

  const masked = async (program: Container, input: string, output: string) => {
    await copyFile(portraitPath, join(input, "portrait.png"));
    await until("the picture is masked", async () => (await readdir(output)).includes("portrait.png")).catch(
      (error) => {
        throw new Error(program.log(), { cause: error });
      },
    );
    const [original, result] = [
      await pixelsOf(await readFile(portraitPath)),
      await pixelsOf(await readFile(join(output, "portrait.png"))),
    ];
    assert.ok(Math.abs(detailCorrelation(original, result, portraitFace)) < 0.2, "the face is still there");
  };

  test(`has at most ${mostMegabytes} MB unpacked, and nothing that only development or another platform needs`, async () => {
    const { stdout } = await promisify(execFile)("du", ["-sx", "--block-size=1", files]);
    const megabytes = Number.parseInt(stdout, 10) / 1e6;
    process.stdout.write(`# the image has ${megabytes.toFixed(0)} MB unpacked\n`);
    assert.ok(megabytes <= mostMegabytes, `${megabytes} MB`);
    const packages = readdirSync(join(files, "opt/veil/node_modules"));
    for (const name of ["typescript", "@biomejs", "vite", "react", "playwright-core", "azurite"])
      assert.ok(!packages.includes(name), name);
    assert.deepEqual(readdirSync(join(files, "opt/veil/node_modules/onnxruntime-node/bin/napi-v6")), [
      process.platform,
    ]);
    for (const name of ["root/.npmrc", "root/.npm", "opt/veil/scripts", "opt/veil/test"])
      assert.throws(() => statSync(join(files, name)), name);
  });

  test("carries its bill of materials and the licences of what it is made of", () => {
    const read = (name: string) => readFileSync(join(files, "opt/veil", name), "utf8");
    assert.equal(JSON.parse(read("sbom.cdx.json")).bomFormat, "CycloneDX");
    assert.match(read("THIRD-PARTY-NOTICES.txt"), /onnxruntime-node [\d.]+ \(MIT\)/);
    assert.match(read("LICENSE"), /Apache License/);
  });

  test("runs as nobody special on a root that it can't write, without a network, and masks", async () => {
    assert.equal(config.User, "1000:1000");
    await using folder = await temporaryFolder();
    const data = await ownedFolder(join(folder.path, "data"), config);
    await using veil = await startContainer({ files, config, mounts: [{ from: data, to: "/var/lib/veil" }] });
    await until("it is ready", async () => /is ready/.test(veil.log()));
    const [, ...health] = config.Healthcheck.Test;
    await veil.exec(...health);
    assert.match(await veil.exec("id", "-u"), /^1000/);
    await assert.rejects(veil.exec("touch", "/opt/veil/src/more.ts"), /Read-only file system/);
    await assert.rejects(veil.exec("touch", "/usr/more"), /Read-only file system/);
    const interfaces = (await veil.exec("cat", "/proc/net/dev")).match(/^ *\w+(?=:)/gm)!.map((name) => name.trim());
    assert.deepEqual(interfaces, ["lo"]);
    await masked(veil, join(data, "input_photos"), join(data, "output_anonymous"));
    assert.match(await veil.exec("veil", "selftest"), /✓ folder +1 face masked, by the running service/);
    const doctor = await veil.exec("veil", "doctor");
    assert.match(doctor, /✓ HEIC/);
    assert.match(doctor, /✓ Isolation +\w+: no network, no file but the picture, .*calls of the kernel filtered/);
    // What remains where a container may make no namespaces.
    const landlock = await veil.exec("veil", "doctor", "--set", "engine.isolation=setpriv");
    assert.match(landlock, /✓ Isolation +setpriv: no network, no file but the picture, .*calls of the kernel filtered/);
    assert.equal(await veil.stop(), 0, veil.log());
  });

  test("runs as a pod does: a data folder of the group's, keys that can't be written, settings elsewhere", async () => {
    await using folder = await temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    for (const name of ["data", "photos", "masked", "settings", "keys"]) await mkdir(at(name));
    await chown(at("data"), 0, 1000);
    await chmod(at("data"), 0o2775);
    await chown(at("masked"), 0, 1000);
    await chmod(at("masked"), 0o2775);
    await chmod(at("photos"), 0o755);
    await writeFile(
      join(at("settings"), "veil.yaml"),
      "folder: { watch: false }\nroutes: { photos: { from: /photos, to: /masked } }\n",
    );
    await chmod(folder.path, 0o755);
    const key = join(at("keys"), "installation.key");
    await writeFile(key, "ab".repeat(32));
    await chown(key, 0, 1000);
    await chmod(key, 0o440);
    await copyFile(portraitPath, join(at("photos"), "portrait.png"));
    const mounts = [
      { from: at("data"), to: "/var/lib/veil" },
      { from: key, to: "/var/lib/veil/installation.key", readOnly: true },
      { from: at("settings"), to: "/etc/veil", readOnly: true },
      { from: at("photos"), to: "/photos", readOnly: true },
      { from: at("masked"), to: "/masked" },
    ];
    await writeFile(join(at("data"), "installation.key"), "");
    for (const name of ["photos", "masked"]) await mkdir(join(files, name), { recursive: true });
    await mkdir(join(files, "etc/veil"), { recursive: true });
    await using veil = await startContainer({
      files,
      config,
      mounts,
      env: ["VEIL_CONFIG=/etc/veil/veil.yaml", "VEIL_ENGINE_ISOLATION=required"],
    });
    await masked(veil, at("photos"), at("masked"));
    assert.match(
      await veil.exec("veil", "--config", "/etc/veil/veil.yaml", "selftest", "photos"),
      /the input is read-only/,
    );
    assert.equal(await veil.stop(), 0, veil.log());
  });
});
