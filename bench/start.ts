import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// How long `npm start` takes until its screen is there, when it was started before: node bench/start.ts [TIMES]
const times = Number(process.argv[2] ?? 8);
const root = fileURLToPath(new URL("..", import.meta.url));
const dataDir = await mkdtemp(join(tmpdir(), "veil-start-"));

async function start(): Promise<number> {
  const begun = performance.now();
  const veil = spawn("npm", ["start", "--", "--port", "0", "--data-dir", dataDir], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(veil, "exit");
  let screen = "";
  for await (const chunk of veil.stdout) {
    screen += chunk;
    if (screen.includes("Ctrl-C")) break;
  }
  const took = performance.now() - begun;
  veil.kill("SIGTERM");
  await exit;
  if (!screen.includes("Ctrl-C")) throw new Error(`veil did not start:\n${screen}`);
  return took;
}

try {
  const first = await start();
  const again: number[] = [];
  for (let i = 0; i < times; i++) again.push(await start());
  again.sort((a, b) => a - b);
  const [median, slowest] = [again[times >> 1]!, again.at(-1)!];
  console.log(
    `first ${Math.round(first)} ms; again, ${times} times: median ${Math.round(median)} ms, slowest ${Math.round(slowest)} ms`,
  );
} finally {
  await rm(dataDir, { recursive: true, force: true });
}
