import { randomBytes } from "node:crypto";
import type { ConfigFlags } from "../config/layers.ts";
import { routesOf } from "../config.ts";
import { openDataFolder } from "../data-folder.ts";
import { makeTestPicture } from "../engine/test-picture.ts";
import { Problem, toProblem } from "../errors.ts";
import { openCommandEngine } from "./engine.ts";
import { testRoute } from "./selftest-route.ts";
import { configFor, limitOf } from "./settings.ts";

export interface SelftestOptions {
  /** Seconds. */
  readonly timeout: string;
}

/** `veil selftest`: a picture of veil's own goes through each route; 1 where its face did not come out masked. */
export async function selftest(
  flags: ConfigFlags,
  name: string | undefined,
  options: SelftestOptions,
): Promise<number> {
  const timeoutMs = limitOf(options.timeout) * 1000;
  const config = configFor(flags);
  const routes = [...routesOf(config)].filter(([route]) => name === undefined || route === name);
  if (routes.length === 0) {
    const known = [...routesOf(config).keys()].join(", ");
    throw new Problem("not-found", `There is no route ${name}; there are ${known}`);
  }
  await using data = await openDataFolder(config, ({ message }) => process.stderr.write(`veil: ${message}\n`));
  await using engine = await openCommandEngine(config);
  let failed = 0;
  for (const [route, settings] of routes) {
    const id = randomBytes(6).toString("hex");
    const picture = await makeTestPicture(Number.parseInt(id.slice(0, 6), 16));
    try {
      const words = await testRoute({ route, settings, config, data, engine, timeoutMs, id, picture });
      process.stdout.write(`✓ ${route.padEnd(14)} ${words}\n`);
    } catch (error) {
      const { message, remedy } = toProblem(error);
      failed++;
      process.stdout.write(`✗ ${route.padEnd(14)} ${message}${remedy === undefined ? "" : `. ${remedy}`}\n`);
    }
  }
  return failed > 0 ? 1 : 0;
}
