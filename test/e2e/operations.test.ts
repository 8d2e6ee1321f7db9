import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import sharp from "sharp";
import { parse } from "yaml";
import { problemClasses } from "../../src/errors.ts";
import type { JobsResponse } from "../../src/http/schema.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { digestOf } from "./chaos-world.ts";
import { startProgram, until } from "./program.ts";

const root = new URL("../..", import.meta.url).pathname;
const text = await readFile(join(root, "docs/operations.md"), "utf8");
const noSystemd = !existsSync("/usr/bin/systemd-analyze") && "not run: there is no systemd-analyze";

/** The commands of the page, as somebody types them in the folder that holds the data folder. */
function blocks(): readonly string[] {
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, body]) => body!);
}

function shell(command: string, cwd: string): Promise<{ readonly code: number | null; readonly out: string }> {
  const veil = `'${process.execPath}' --disable-warning=ExperimentalWarning '${join(root, "src/main.ts")}'`;
  const known = command.replaceAll("npx veil", veil).replaceAll(/^node /gm, `'${process.execPath}' `);
  const child = spawn("sh", ["-ec", known], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      out += chunk;
    });
  }
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, out })));
}

describe("docs/operations.md", () => {
  test("names every metric that there is, and every class of trouble", async () => {
    await using veil = await startProgram();
    const metrics = await (await fetch(`${veil.address}/metrics`)).text();
    const names = [...metrics.matchAll(/^# TYPE (veil_\w+)/gm)].map(([, name]) => name!);
    assert.ok(names.length > 20);
    assert.deepEqual(
      names.filter((name) => !text.includes(`\`${name}`)),
      [],
    );
    assert.deepEqual(
      problemClasses.filter((name) => !new RegExp(`^\\| \`${name}\` \\|`, "m").test(text)),
      [],
    );
  });

  test("has a backup that is taken while veil runs, and one that is restored does nothing over", async () => {
    await using folder = await temporaryFolder();
    const dataDir = join(folder.path, "veil-data");
    const flags = ["--set", "folder.settleMs=50", "--set", "policy.profile=fast"];
    const [input, output] = [join(dataDir, "input_photos"), join(dataDir, "output_anonymous")];
    const portrait = sharp(join(root, "test/fixtures/astronaut.png"));
    const doneIs = (address: string, count: number) =>
      until(`${count} done`, async () => {
        const { counts } = (await (await fetch(`${address}/api/v1/jobs?limit=1`)).json()) as JobsResponse;
        return counts.done === count;
      });
    const [backup, restore] = blocks();
    {
      await using veil = await startProgram({ dataDir, flags });
      await writeFile(join(input, "before.jpg"), await portrait.resize(300).jpeg().toBuffer());
      await doneIs(veil.address, 1);
      const { code, out } = await shell(backup!, folder.path);
      assert.equal(code, 0, out);
      await writeFile(join(input, "after.jpg"), await portrait.resize(310).jpeg().toBuffer());
      await doneIs(veil.address, 2);
      await veil.stop();
    }
    const before = await Promise.all(["before.jpg", "after.jpg"].map((name) => digestOf(join(output, name))));

    const { code, out } = await shell(restore!, folder.path);
    assert.equal(code, 0, out);
    assert.match(out, /records prove themselves/);
    // The data folder is lost; the photographs and their results lay in it only for this test.
    for (const name of ["input_photos", "output_anonymous"])
      await rename(join(dataDir, name), join(folder.path, "restored", name));
    await rm(dataDir, { recursive: true });
    await rename(join(folder.path, "restored"), dataDir);
    await using veil = await startProgram({ dataDir, flags });
    await doneIs(veil.address, 2);
    const { counts } = (await (await fetch(`${veil.address}/api/v1/jobs?limit=1`)).json()) as JobsResponse;
    assert.equal(counts.dead ?? 0, 0);
    assert.deepEqual(
      await Promise.all(["before.jpg", "after.jpg"].map((name) => digestOf(join(output, name)))),
      before,
    );
    assert.deepEqual((await readdir(output)).toSorted(), ["after.jpg", "before.jpg"]);
  });

  test("comes with a unit that systemd understands", { skip: noSystemd }, async () => {
    await using folder = await temporaryFolder();
    const unit = join(folder.path, "veil.service");
    await copyFile(join(root, "deploy/veil.service"), unit);
    // Whether Node is there is this machine's affair.
    const text = (await readFile(unit, "utf8")).replaceAll("/usr/bin/node", process.execPath);
    await writeFile(unit, text);
    await mkdir(join(folder.path, "etc"));
    const { stderr } = await promisify(execFile)("systemd-analyze", ["verify", "--man=no", unit]);
    assert.equal(
      stderr
        .split("\n")
        .filter((line) => line.includes("veil.service"))
        .join("\n"),
      "",
    );
  });

  test("comes with a compose file whose parts fit together", async () => {
    const compose = parse(await readFile(join(root, "deploy/compose.yaml"), "utf8"), { merge: true });
    const { services, volumes } = compose as {
      services: Record<
        string,
        { command?: string[]; volumes?: string[]; depends_on?: object; build?: { dockerfile: string } }
      >;
      volumes: object;
    };
    for (const [name, service] of Object.entries(services)) {
      for (const needed of Object.keys(service.depends_on ?? {}))
        assert.ok(needed in services, `${name} needs ${needed}`);
      for (const volume of service.volumes ?? []) {
        const [source = ""] = volume.replace(/\$\{\w+:-([^}]*)\}/, "$1").split(":");
        assert.ok(source.startsWith(".") || source in volumes, `${name}: ${volume}`);
      }
      if (service.build) assert.ok(existsSync(join(root, service.build.dockerfile)));
    }
    // A named volume belongs to root, unless the image has that folder for the user that veil runs as.
    const image = await readFile(join(root, "deploy/Dockerfile"), "utf8");
    assert.match(image, /useradd --uid 1000 --gid 1000 .* veil /);
    const [, made = ""] = /install -d -o veil -g veil -m 0700 (.*?) \\/.exec(image) ?? [];
    for (const service of Object.values(services).filter(({ build }) => build)) {
      for (const volume of service.volumes ?? []) {
        const [source = "", target = ""] = volume.replace(/\$\{\w+:-([^}]*)\}/, "$1").split(":");
        if (source in volumes) assert.ok(made.split(" ").includes(target), `${target} is made by the image`);
      }
    }
    const roles = Object.values(services).flatMap(({ command }) => (Array.isArray(command) ? command.slice(2) : []));
    assert.deepEqual(roles.toSorted(), ["api", "sources", "worker"]);
  });
});
