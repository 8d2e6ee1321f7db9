import { resolve } from "node:path";
import type { ConfigFlags } from "../config/layers.ts";
import { withoutHold } from "../core/policy.ts";
import { openCommandEngine, requireFile } from "./engine.ts";
import { naming } from "./plain-problem.ts";
import { configFor, type PolicyFlags } from "./settings.ts";

/** `veil detect`: the faces of one picture on standard output. */
export async function detect(
  flags: ConfigFlags,
  input: string,
  options: PolicyFlags & { json?: boolean },
): Promise<number> {
  const config = configFor(flags, options);
  if (input !== "-") await requireFile(input);
  await using engine = await openCommandEngine(config);
  const { pool, spool, signal } = engine;
  const file =
    input === "-" ? await spool.receive(process.stdin, { maxBytes: config.limits.maxBytes }) : resolve(input);
  await using picture = await pool.open(file, { signal, lane: "interactive" }).catch((error: unknown) => {
    throw naming(input, error);
  });
  const regions = await picture.detect(withoutHold(config.policy));
  const { width, height, frames, format } = picture;
  if (options.json) {
    const detector = (await pool.detector()).name;
    process.stdout.write(`${JSON.stringify({ width, height, frames, format, detector, regions }, null, 2)}\n`);
    return 0;
  }
  const lines = regions.map(({ box, score, frame }) => {
    const where = [box.x, box.y, box.width, box.height].map((value) => value.toFixed(0).padStart(6)).join("");
    return `${score.toFixed(2)} ${where}${frame === undefined ? "" : `   frame ${frame}`}`;
  });
  const size = `${format}, ${width} x ${height}${frames > 1 ? `, ${frames} frames` : ""}`;
  process.stdout.write(
    `${[`${size}: ${regions.length} found`, ...(lines.length ? ["score     x     y width height", ...lines] : [])].join("\n")}\n`,
  );
  return 0;
}
