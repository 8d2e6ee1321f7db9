import { stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ConfigFlags } from "../config/layers.ts";
import { cosmeticStatement } from "../core/policy.ts";
import { Problem } from "../errors.ts";
import { putMasked } from "../pipeline/deliver.ts";
import { type MaskedNow, maskNow } from "../pipeline/mask-now.ts";
import { readSpoolFile } from "../pipeline/spool.ts";
import { createFsStore } from "../stores/fs.ts";
import { openCommandEngine, requireFile } from "./engine.ts";
import { maskFolder } from "./mask-folder.ts";
import { configFor, type PolicyFlags } from "./settings.ts";

export interface MaskFlags extends PolicyFlags {
  readonly out?: string;
  readonly force?: boolean;
}

/** `veil mask`: one picture, a folder, or standard input. */
export async function mask(flags: ConfigFlags, input: string, options: MaskFlags): Promise<number> {
  const config = configFor(flags, options);
  const info = input === "-" ? undefined : await stat(input).catch(() => undefined);
  if (input !== "-" && info === undefined) throw new Problem("not-found", `There is no ${input}`);
  if (info?.isDirectory()) {
    if (options.out === undefined) throw new Problem("invalid-request", "Expected --out FOLDER for a folder");
    return maskFolder(config, { input, out: options.out, force: options.force === true });
  }
  if (input !== "-") await requireFile(input);
  const out = options.out ?? (input === "-" ? "-" : defaultOut(input));
  if (out === "-" && process.stdout.isTTY) {
    throw new Problem("invalid-request", "Expected a file or a pipe for the picture, not the terminal", {
      remedy: "Add -o FILE.",
    });
  }
  if (input !== "-" && out !== "-" && resolve(input) === resolve(out)) {
    throw new Problem("invalid-request", "Expected another file for the result than the picture itself", {
      remedy: "Give -o another name.",
    });
  }

  await using engine = await openCommandEngine(config);
  const { pool, spool, signal } = engine;
  const { maxBytes } = config.limits;
  const received = input === "-" ? await spool.receive(process.stdin, { maxBytes }) : undefined;
  await using result = await maskNow(pool, received?.path ?? resolve(input), {
    policy: config.policy,
    signal,
    lane: "interactive",
  });
  if (out === "-") await pipeline(await readSpoolFile(result.masked.path), process.stdout);
  else await write(result, out, options.force === true);
  const { length } = result.regions;
  const look = length === 0 ? " Look yourself: no detector finds every face." : "";
  const remark = config.policy.style === "cosmetic" ? `${look} Style cosmetic: ${cosmeticStatement}.` : look;
  process.stderr.write(
    `${out === "-" ? "" : `${out}: `}${length} ${length === 1 ? "face" : "faces"} masked.${remark}\n`,
  );
  return 0;
}

function defaultOut(input: string): string {
  const extension = /^\.(heic|heif|hif)$/i.test(extname(input)) ? ".jpg" : extname(input);
  return join(dirname(input), `${basename(input, extname(input))}-masked${extension}`);
}

async function write({ masked }: MaskedNow, out: string, force: boolean): Promise<void> {
  const target = await stat(out).catch(() => undefined);
  if (target?.isDirectory()) throw new Problem("invalid-request", `Expected a file for --out but ${out} is a folder`);
  const store = createFsStore({ name: "out", root: dirname(resolve(out)) });
  try {
    await putMasked(store, basename(out), masked, force ? {} : { ifNoneMatch: "*" });
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "already-exists") throw error;
    throw new Problem("already-exists", `${out} exists already`, {
      remedy: "Add --force to replace it, or choose another name.",
    });
  } finally {
    await store.close();
  }
}
