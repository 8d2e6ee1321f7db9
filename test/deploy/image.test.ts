import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { configFields } from "../../src/config/fields.ts";
import { type Config, loadConfig } from "../../src/config.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (name: string) => readFileSync(join(root, name), "utf8");
const variables = new Set(["VEIL_CONFIG", ...configFields.map(({ env }) => env)]);
const settingsFrom = (env: Readonly<Record<string, string>>): Config => loadConfig({ flags: {}, env, cwd: "/nowhere" });

// npm run test:long builds it, and runs it.
describe("the image's recipe", () => {
  const recipe = read("deploy/Dockerfile");

  test("copies what is there and what it does not ignore", () => {
    const kept = read("deploy/Dockerfile.dockerignore")
      .match(/^!.*/gm)!
      .map((line) => line.slice(1));
    for (const [, names = ""] of recipe.matchAll(/^COPY (?!--from)(?:--\S+ )*(.*) \S+$/gm))
      for (const name of names.split(" ")) {
        assert.ok(existsSync(join(root, name)), `${name} is not there`);
        assert.ok(
          kept.some((one) => name === one || name.startsWith(`${one}/`)),
          `${name} is ignored`,
        );
      }
    for (const [script] of recipe.matchAll(/scripts\/[\w-]+\.mjs/g)) assert.ok(existsSync(join(root, script)), script);
  });

  test("ends as a user by number, with a health check that asks where veil answers", () => {
    assert.match(recipe, /^USER 1000:1000$/m);
    const [, env = ""] = /^ENV (.*)$/m.exec(recipe) ?? [];
    const pairs = env.split(" ").map((one) => one.split("=") as [string, string]);
    for (const [name] of pairs) assert.ok(name === "NODE_ENV" || variables.has(name), name);
    const { monitor } = settingsFrom(Object.fromEntries(pairs.filter(([name]) => name.startsWith("VEIL_"))));
    assert.match(recipe, new RegExp(`HEALTHCHECK[\\s\\S]*http://${monitor.host}:${monitor.port}/healthz`));
  });
});

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly stop_grace_period?: string;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
  readonly ports?: readonly string[];
}

describe("the Compose file", () => {
  const { services }: { services: Readonly<Record<string, Service>> } = parse(read("deploy/compose.yaml"), {
    merge: true,
  });
  const own = Object.entries(services).filter(([, { image }]) => image === "veil");

  test("runs veil in its roles, on a root that can't be written and without capabilities", () => {
    assert.deepEqual(own.map(([name]) => name).sort(), ["api", "sources", "worker"]);
    for (const [name, { environment = {}, read_only, cap_drop, stop_grace_period, volumes = [] }] of own) {
      assert.deepEqual([read_only, cap_drop], [true, ["ALL"]], name);
      for (const variable of Object.keys(environment)) assert.ok(variables.has(variable), variable);
      const filled = Object.entries(environment).map(([key, value]) => [
        key,
        value.replace(/\$\{\w+[^}]*\}/g, "secret"),
      ]);
      const config = settingsFrom(Object.fromEntries(filled));
      assert.ok(Number.parseInt(stop_grace_period ?? "", 10) * 60_000 > config.jobs.stopWithinMs);
      const targets = volumes.map((volume) => volume.replace(/^\$\{[^}]*\}|^[^:]*/, "").split(":")[1]);
      for (const place of [config.folder.input, config.folder.output, config.jobs.folder])
        assert.ok(targets.includes(place), place);
    }
  });

  test("waits for what veil needs, and opens nothing but this host's loopback", () => {
    for (const [, { depends_on = {} }] of own)
      for (const [name, { condition }] of Object.entries(depends_on)) {
        assert.equal(condition, "service_healthy");
        assert.ok(services[name]?.healthcheck, name);
      }
    for (const { ports = [] } of Object.values(services))
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:/);
  });
});
