import type { ConfigFlags } from "../config/layers.ts";
import { loadConfig, routesOf } from "../config.ts";
import { printable } from "./printable.ts";

/** `veil config check`: what the routes are; all faults together are the Problem `invalid-config`. */
export function checkConfig(flags: ConfigFlags): string {
  const config = loadConfig({ flags, env: process.env, cwd: process.cwd() });
  const lines = [...routesOf(config)].map(
    ([name, { from, to, watch }]) =>
      `  ${name.padEnd(12)} ${printable(from)} → ${printable(to)}${watch ? "" : "  (not watched)"}`,
  );
  return ["The configuration has no faults.", ...lines, ""].join("\n");
}
