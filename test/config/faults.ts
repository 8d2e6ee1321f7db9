import assert from "node:assert/strict";
import { type ConfigSources, loadConfig } from "../../src/config.ts";
import { Problem } from "../../src/errors.ts";

/** The lines of a configuration's faults, without the introduction. */
export function faultsOf({ flags = {}, env = {}, cwd }: Partial<ConfigSources> & Pick<ConfigSources, "cwd">): string[] {
  try {
    loadConfig({ flags, env, cwd });
  } catch (error) {
    assert.ok(error instanceof Problem);
    assert.equal(error.code, "invalid-config");
    assert.match(error.remedy ?? "", /docs\/configuration\.md/);
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
  return assert.fail("the configuration was accepted");
}
