import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import { problems } from "../src/errors.ts";
import { type Program, startProgram } from "./e2e/program.ts";

const root = new URL("..", import.meta.url).pathname;
const pages = ["README.md", "README.zh.md"];
let folder = "";
let veil: Program;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-docs-"));
  await mkdir(join(folder, "holiday"));
  const portrait = await sharp(join(root, "test/fixtures/astronaut.png")).jpeg().toBuffer();
  await writeFile(join(folder, "photo.jpg"), portrait);
  await copyFile(join(folder, "photo.jpg"), join(folder, "holiday/a.jpg"));
  veil = await startProgram();
});
after(async () => {
  await veil[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function run(line: string): Promise<{ code: number | null; text: string }> {
  const command = line
    .replaceAll(
      "npx veil",
      `'${process.execPath}' --disable-warning=ExperimentalWarning '${join(root, "src/main.ts")}'`,
    )
    .replaceAll("http://127.0.0.1:8080", veil.address)
    .replace(/^curl /, "curl -sS --fail ");
  const child = spawn("sh", ["-c", command], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      text += chunk;
    });
  }
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, text })));
}

async function commandsOf(page: string): Promise<string[]> {
  const text = await readFile(join(root, page), "utf8");
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, body]) => body!);
  return blocks.flatMap((block) => block.trim().split("\n"));
}

describe("the documentation", () => {
  for (const page of pages) {
    test(`every command of ${page} works`, async () => {
      const commands = (await commandsOf(page)).filter((line) => !line.startsWith("npm "));
      assert.ok(commands.length >= 10);
      for (const command of commands) {
        await rm(join(folder, "masked.jpg"), { force: true });
        const { code, text } = await run(command);
        assert.equal(code, 0, `${command}\n${text}`);
      }
      await rm(join(folder, "masked"), { recursive: true });
    });
  }

  test("both READMEs show the same commands, but for what one leaves out", async () => {
    const [english, chinese] = await Promise.all(pages.map(commandsOf));
    assert.deepEqual(
      chinese!.filter((line) => !english!.includes(line)),
      [],
    );
  });

  test("links lead to files that are there", async () => {
    const docs = (await readdir(join(root, "docs"), { recursive: true })).filter((name) => name.endsWith(".md"));
    for (const page of [
      ...pages,
      "ARCHITECTURE.md",
      "CONTRIBUTING.md",
      "SECURITY.md",
      "CHANGELOG.md",
      ...docs.map((name) => `docs/${name}`),
    ]) {
      const text = await readFile(join(root, page), "utf8");
      for (const [, link] of text.matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
        if (/^https?:/.test(link!)) continue;
        await assert.doesNotReject(access(join(root, dirname(page), link!)), `${page} → ${link}`);
      }
    }
  });

  test("docs/errors.md lists every problem with its status", async () => {
    const text = await readFile(join(root, "docs/errors.md"), "utf8");
    for (const [code, { status, retry }] of Object.entries(problems)) {
      assert.match(
        text,
        new RegExp(`^\\| \`${code}\` \\| ${status} \\| ${retry ? "retried" : "at once"} \\|`, "m"),
        code,
      );
    }
  });
});
