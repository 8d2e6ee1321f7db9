import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { architectureFaults, type Sources } from "./architecture-rules.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function read(...patterns: string[]): Map<string, string> {
  const files = globSync(patterns, { cwd: root, exclude: ["web/dist/**", "**/node_modules/**"] });
  return new Map(files.map((file) => [file.replaceAll("\\", "/"), readFileSync(join(root, file), "utf8")]));
}

test("the house keeps its floors", () => {
  const sources = read("src/**/*.ts", "web/**/*.{ts,tsx}", "test/**/*.ts", "bench/**/*.ts");
  assert.ok(sources.size > 50);
  assert.deepEqual(architectureFaults(sources), []);
});

describe("what the rules refuse", () => {
  const makers = ["src/engine/pool.ts", "src/pipeline/sealed-result.ts"].map((file) => {
    return [file, 'import type { Anonymized } from "../core/media.ts";\nx as Anonymized;\n'] as const;
  });
  const sound: Sources = new Map([
    ["src/errors.ts", "export class Problem {}\n"],
    ["src/core/media.ts", "export interface Anonymized {}\n"],
    ["src/core/job.ts", 'import { createHash } from "node:crypto";\nexport const lanes = [];\n'],
    ["src/stores/store.ts", 'import type { Job } from "../core/job.ts";\nexport interface Store {}\n'],
    ["src/stores/fs.ts", 'import { read } from "./fs-read.ts";\nimport type { Store } from "./store.ts";\n'],
    ["src/stores/fs-read.ts", "export const read = 1;\n"],
    ["src/stores/memory.ts", 'import {\n  type Store,\n} from "./store.ts";\n'],
    ["src/http/schema.ts", 'import { z } from "zod";\nimport { lanes } from "../core/job.ts";\nexport const a = z;\n'],
    ["web/src/app.tsx", 'import type { Job } from "../../src/http/schema.ts";\n'],
    ...makers,
  ]);

  test("a sound house has no faults", () => {
    assert.deepEqual(architectureFaults(sound), []);
  });

  const breaks: Record<string, readonly [file: string, text: string, fault: RegExp]> = {
    "a file without a floor": ["src/metrics/count.ts", "", /no floor/],
    "an arrow that points up": [
      "src/core/a.ts",
      'import { a } from "../http/schema.ts";\n',
      /core may not import http/,
    ],
    "an arrow hidden in a dynamic import": [
      "src/pipeline/a.ts",
      'const { a } = await import("../stores/fs.ts");\n',
      /pipeline may not import stores/,
    ],
    "an arrow hidden over several lines": [
      "src/pipeline/a.ts",
      'import {\n  a,\n  b,\n} from "../http/schema.ts";\n',
      /pipeline may not import http/,
    ],
    "an arrow hidden in a thread": [
      "src/core/a.ts",
      'new Worker(new URL("../engine/pool.ts", import.meta.url));\n',
      /core may not import engine/,
    ],
    "a package on a floor that has none": ["src/core/a.ts", 'import sharp from "sharp";\n', /the package sharp/],
    "another engine's package": ["src/stores/fs-b.ts", 'import * as pg from "pg";\n', /the package pg/],
    "input and output in core": ["src/core/a.ts", 'import { readFileSync } from "node:fs";\n', /node:fs/],
    "a clock in core": ["src/core/a.ts", "export const now = () => Date.now();\n", /pure.*Date\.now/],
    "one driver that uses another": [
      "src/stores/memory-a.ts",
      'import { read } from "./fs-read.ts";\n',
      /another driver \(src\/stores\/fs-read\.ts\)/,
    ],
    "a contract that takes more than types": [
      "src/queues/queue.ts",
      'import { lanes } from "../core/job.ts";\n',
      /only types of src\/core\/job\.ts/,
    ],
    "a barrel": ["src/core/all.ts", 'export * from "./job.ts";\n', /barrel/],
    "a barrel of names": ["src/core/all.ts", 'export {\n  lanes,\n} from "./job.ts";\n', /barrel/],
    "a default export": ["src/core/a.ts", "export default 1;\n", /default export/],
    "a name that says nothing": ["src/core/pixel-utils.ts", "", /says nothing/],
    "a name in another case": ["src/core/pixelGrid.ts", "", /kebab-case/],
    "a file of more than 400 lines": ["test/long.ts", "//\n".repeat(401), /401 lines/],
    "an environment read past the configuration": ["src/log.ts", "process.env.LEVEL;\n", /process\.env/],
    "a second maker of masked pictures": [
      "src/http/a.ts",
      "y as Anonymized;\n",
      /found src\/engine\/pool\.ts, src\/pipeline\/sealed-result\.ts, src\/http/,
    ],
    "a maker that makes it twice": [
      "src/engine/pool.ts",
      "x as Anonymized;\ny as Anonymized;\n",
      /found src\/pipeline\/sealed-result\.ts, src\/engine\/pool\.ts, src\/engine\/pool\.ts|found src\/engine\/pool\.ts, src\/engine\/pool\.ts/,
    ],
    "a second maker of what is passed on": [
      "src/http/a.ts",
      "y as Copyable;\n",
      /"as Copyable" in src\/pipeline\/inspect-copy\.ts alone, but found src\/http\/a\.ts/,
    ],
    "a page that takes more than types": [
      "web/src/app.tsx",
      'import { a } from "../../src/http/schema.ts";\n',
      /the page takes only types/,
    ],
    "a page that reaches elsewhere": [
      "web/src/b.ts",
      'import type { J } from "../../src/core/job.ts";\n',
      /only types of/,
    ],
    "an import of nothing": ["src/core/a.ts", 'import { b } from "./b.ts";\n', /not there/],
  };
  for (const [name, [file, text, fault]] of Object.entries(breaks)) {
    test(name, () => {
      const faults = architectureFaults(new Map([...sound, [file, text]]));
      assert.equal(faults.length, 1, faults.join("\n"));
      assert.match(faults[0] ?? "", fault);
    });
  }

  test("an import cycle, of types too", () => {
    const cycle = new Map([
      ["src/core/a.ts", 'import type { B } from "./b.ts";\n'],
      ["src/core/b.ts", 'import { c } from "./c.ts";\n'],
      ["src/core/c.ts", 'import { a } from "./a.ts";\n'],
    ]);
    const faults = architectureFaults(new Map([...sound, ...cycle]));
    assert.deepEqual(faults, [
      "src/core/a.ts: import cycle src/core/a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts",
    ]);
  });
});

test("what brings Node and the packages needs neither: it imports Node's own modules alone", () => {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const imports = /^(?:import|export)[^;"]*?\sfrom "([^"]+)"|\bimport\("([^"]+)"/gm;
    for (const [, named, dynamic] of readFileSync(file, "utf8").matchAll(imports)) {
      const name = named ?? dynamic ?? "";
      if (name.startsWith(".")) visit(join(dirname(file), name));
      else assert.match(name, /^node:/, relative(root, file));
    }
  };
  for (const entry of ["scripts/start.mjs", "scripts/test.mjs", "bin/veil.mjs"]) visit(join(root, entry));
  assert.ok(seen.size > 8);
});
