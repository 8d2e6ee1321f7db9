import { basename, dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ConfigFlags } from "../config/layers.ts";
import type { Config } from "../config.ts";
import { bundledDetector } from "../core/detector.ts";
import { maskedName, misnames, usualExtension } from "../core/masked-name.ts";
import { cosmeticStatement } from "../core/policy.ts";
import { Problem } from "../errors.ts";
import { putMasked } from "../pipeline/deliver.ts";
import { type MaskedNow, maskNow } from "../pipeline/mask-now.ts";
import { readSpoolFile } from "../pipeline/spool.ts";
import { createFsStore } from "../stores/fs.ts";
import { isFolder, openCommandEngine, requireFile } from "./engine.ts";
import { maskMany } from "./mask-many.ts";
import { naming } from "./plain-problem.ts";
import { configFor, type PolicyFlags } from "./settings.ts";

export interface MaskFlags extends PolicyFlags {
  readonly out?: string;
  readonly force?: boolean;
}

/** For a person at a terminal who never ran `npm start`, which would have chosen. */
const betterDetector = `Detector ${bundledDetector}, because none is chosen. yunet finds more small faces:
npx veil models add yunet --use
`;

/** `veil mask`: pictures, folders, or standard input. */
export async function mask(flags: ConfigFlags, inputs: readonly string[], options: MaskFlags): Promise<number> {
  const config = configFor(flags, options);
  const { out } = options;
  const [input = "-"] = inputs;
  if (inputs.length > 1 && (inputs.includes("-") || out === "-")) {
    throw new Problem("invalid-request", "Expected a single picture where - is read or written");
  }
  const into = out !== undefined && out !== "-" && (out.endsWith("/") || (await isFolder(out)));
  const many = inputs.length > 1 || (input !== "-" && (into || (await isFolder(input))));
  const code = many
    ? await maskMany(config, { inputs, out, force: options.force === true })
    : await maskOne(config, input, options);
  if (process.stderr.isTTY && config.origins.detector === "default") process.stderr.write(betterDetector);
  return code;
}

async function maskOne(config: Config, input: string, options: MaskFlags): Promise<number> {
  if (input !== "-") await requireFile(input);
  const given = options.out ?? (input === "-" ? "-" : undefined);
  if (given === "-" && process.stdout.isTTY) {
    throw new Problem("invalid-request", "Expected a file or a pipe for the picture, not the terminal", {
      remedy: "Add -o FILE.",
    });
  }
  if (input !== "-" && given !== undefined && resolve(input) === resolve(given)) {
    throw new Problem("invalid-request", "Expected another file for the result than the picture itself", {
      remedy: "Give -o another name.",
    });
  }
  if (given !== undefined && (await isFolder(given)))
    throw new Problem("invalid-request", `Expected a file for --out but ${given} is a folder`);

  await using engine = await openCommandEngine(config);
  const { pool, spool, signal } = engine;
  const { maxBytes } = config.limits;
  const received = input === "-" ? await spool.receive(process.stdin, { maxBytes }) : undefined;
  await using result = await maskNow(pool, received ?? resolve(input), {
    policy: config.policy,
    signal,
    lane: "interactive",
  }).catch((error: unknown) => {
    throw naming(input, error);
  });
  const out = given ?? join(dirname(input), maskedName(basename(input), result.masked.contentType));
  if (out === "-") await pipeline(await readSpoolFile(result.masked), process.stdout);
  else await write(result, out, options.force === true);
  const { length } = result.regions;
  const look = length === 0 ? " Look yourself: no detector finds every face." : "";
  const remark = config.policy.style === "cosmetic" ? `${look} Style cosmetic: ${cosmeticStatement}.` : look;
  process.stderr.write(
    `${out === "-" ? "" : `${out}: `}${length} ${length === 1 ? "face" : "faces"} masked.${remark}\n`,
  );
  return 0;
}

async function write({ masked, format }: MaskedNow, out: string, force: boolean): Promise<void> {
  if (misnames(out, masked.contentType)) {
    const wanted = usualExtension(masked.contentType);
    throw new Problem("invalid-request", `Expected a name that ends in ${wanted} for the result but received ${out}`, {
      remedy: `The picture is ${format.toUpperCase()}, and veil does not convert: give -o a name with ${wanted}.`,
    });
  }
  const root = dirname(resolve(out));
  const store = createFsStore({ name: root, root });
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
