import { fork, spawn } from "node:child_process";
import { rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defaultPolicy, type Profile } from "../../src/core/policy.ts";
import type { DetectorSetup } from "../../src/engine/detectors.ts";
import { createPool } from "../../src/engine/pool.ts";
import { maskNow } from "../../src/pipeline/mask-now.ts";

/** Something that turns every file into one of the same name in the folder `out`. */
export interface Contender {
  readonly name: string;
  /** Answers the seconds that it took, without what happens once at its start where it can tell. */
  run(files: readonly string[], out: string): Promise<number>;
  close?(): Promise<void>;
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Decode and encode alone, in as many processes as veil has. */
export function codecFloor(processes: number): Contender {
  return {
    name: "codec floor",
    run: (files, out) =>
      new Promise((resolve, reject) => {
        let [next, busy, started] = [0, 0, 0];
        let start = 0;
        const waiting: ReturnType<typeof fork>[] = [];
        const children = Array.from({ length: processes }, () => fork(here("codec-floor.ts"), { stdio: "inherit" }));
        const give = (child: (typeof children)[number]) => {
          const from = files[next++];
          if (from !== undefined) {
            busy++;
            child.send({ from, to: join(out, basename(from)) });
          } else if (busy === 0) {
            for (const one of children) one.kill();
            resolve((performance.now() - start) / 1000);
          }
        };
        for (const child of children) {
          child.once("error", reject);
          child.on("message", () => {
            if (started < processes) {
              // All begin together, once each has loaded what it needs.
              waiting.push(child);
              if (++started === processes) {
                start = performance.now();
                for (const one of waiting) give(one);
              }
            } else {
              busy--;
              give(child);
            }
          });
        }
      }),
  };
}

/** veil's engine pool, warm: what a service does with each picture. */
export async function enginePool(
  profile: Profile,
  options: { readonly processes: number; readonly detector: DetectorSetup; readonly spool: string },
): Promise<Contender> {
  const limits = { maxBytes: 2 ** 28, maxPixels: 120e6, maxFrames: 100 };
  const pool = createPool({ ...options, limits, deadlineMs: 120_000, memoryMb: 2048 });
  const policy = { ...defaultPolicy, profile };
  return {
    name: `veil ${profile}, warm`,
    async run(files, out) {
      let next = 0;
      const work = async () => {
        for (let file = files[next++]; file !== undefined; file = files[next++]) {
          await using result = await maskNow(pool, file, { policy, lane: "bulk" });
          await rename(result.masked.path, join(out, basename(file)));
        }
      };
      // Both processes are up and have run the network once.
      await Promise.all(files.slice(0, options.processes).map((file) => maskOne(file)));
      const start = performance.now();
      await Promise.all(Array.from({ length: options.processes }, work));
      return (performance.now() - start) / 1000;
    },
    close: () => pool.close(),
  };

  async function maskOne(file: string): Promise<void> {
    await using _ = await maskNow(pool, file, { policy, lane: "bulk" });
  }
}

/** `veil mask FOLDER --out FOLDER`, from its start to its end. */
export function commandLine(profile: Profile, flags: readonly string[]): Contender {
  return {
    name: `veil mask --profile ${profile}`,
    run: (files, out) =>
      timed(process.execPath, [
        "--disable-warning=ExperimentalWarning",
        here("../../src/main.ts"),
        ...flags,
        "mask",
        join(files[0]!, ".."),
        "--out",
        out,
        "--profile",
        profile,
      ]),
  };
}

/** The OpenCV pipeline, in as many processes as veil has, from its start to its end. */
export function openCv(processes: number, model: string, side: number, score: number): Contender {
  return {
    name: `OpenCV, YuNet at ${side}`,
    async run(files, out) {
      const parts = Array.from({ length: processes }, (_, part) => files.filter((_, i) => i % processes === part));
      const start = performance.now();
      await Promise.all(
        parts.map((part) =>
          timed("/usr/bin/python3", [here("opencv-pipeline.py"), model, out, String(side), String(score), ...part]),
        ),
      );
      return (performance.now() - start) / 1000;
    },
  };
}

function timed(command: string, args: readonly string[]): Promise<number> {
  const start = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0
        ? resolve((performance.now() - start) / 1000)
        : reject(new Error(`${command} ended with ${code}: ${said}`)),
    );
  });
}
