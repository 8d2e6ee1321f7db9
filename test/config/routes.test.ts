import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { routeFields } from "../../src/config/route-settings.ts";
import { loadConfig, printConfig, routesOf } from "../../src/config.ts";
import { Problem } from "../../src/errors.ts";

const root = mkdtempSync(join(tmpdir(), "veil-routes-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** A working folder whose data folder has this veil.yaml. */
function folder(yaml: string): string {
  const cwd = mkdtempSync(join(root, "cwd-"));
  mkdirSync(join(cwd, "veil-data"));
  writeFileSync(join(cwd, "veil-data", "veil.yaml"), yaml);
  return cwd;
}

const load = (cwd: string) => loadConfig({ flags: {}, env: {}, cwd });

function faults(yaml: string, cwd = folder(yaml)): string[] {
  try {
    load(cwd);
  } catch (error) {
    assert.ok(error instanceof Problem);
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
  return assert.fail("the configuration was accepted");
}

const whole = `policy:
  style: solid
  quality: 70
folder:
  settleMs: 750
routes:
  ward:
    from: ../../ward
    to: ../../ward-masked
    include: ["**/*.jpg"]
    exclude: [private/**]
    policy:
      quality: 80
    originals: move
    movedTo: ../../ward-done
    others: copy
    copyTypes: [csv]
    mode: "0640"
    doneFile: "*.done"
    settleMs: 10
  lab-2:
    from: /srv/lab
    to: /srv/lab-masked
    removed: remove
`;

describe("routes in the configuration", () => {
  test("are read with what they inherit, and their folders start from the file's", () => {
    const cwd = folder(whole);
    const routes = routesOf(load(cwd));
    assert.deepEqual([...routes.keys()], ["folder", "ward", "lab-2"]);
    const ward = routes.get("ward")!;
    assert.deepEqual([ward.from, ward.to], [join(cwd, "../ward"), join(cwd, "../ward-masked")]);
    assert.equal(ward.movedTo, join(cwd, "../ward-done"));
    assert.deepEqual([ward.policy.style, ward.policy.quality], ["solid", 80]);
    assert.deepEqual([ward.settleMs, ward.incompleteMs], [10, 10_000]);
    const lab = routes.get("lab-2")!;
    assert.deepEqual([lab.settleMs, lab.originals, lab.others, lab.watch], [750, "keep", "skip", true]);
    assert.deepEqual(lab.policy, load(cwd).policy);
  });

  test("may be a list with names too", () => {
    const routes = routesOf(load(folder("routes:\n  - name: a\n    from: /srv/a\n    to: /srv/b\n")));
    assert.equal(routes.get("a")?.from, "/srv/a");
  });

  test("are printed so that they can be read again", () => {
    const cwd = folder(whole);
    const { origins: _, ...values } = load(cwd);
    writeFileSync(join(cwd, "again.yaml"), printConfig(load(cwd)));
    const { origins: __, ...again } = loadConfig({ flags: { config: "again.yaml" }, env: {}, cwd });
    assert.deepEqual(again, values);
  });

  test("name all their faults at once, each with its line and what was expected there", () => {
    const found = faults(`port: 0.5
routes:
  folder:
    from: /srv/1
    to: /srv/2
  Ward 7:
    from: /srv/3
    to: /srv/4
  a:
    from: /srv/5
    too: /srv/6
    policy:
      stile: blur
      quality: 101
    include: ["/x", "../y"]
    others: copy
    copyTypes: [pdf]
  b:
    from: /srv/7
    to: /srv/8
    originals: move
    removed: remove
    others: copy
    policy:
      style: cosmetic
  c: 7
`);
    assert.deepEqual(found.toSorted(), [
      "port (veil.yaml:1): expected a whole number from 0 to 65535 but received 0.5",
      "routes.Ward 7 (veil.yaml:6): expected a name of at most 40 letters a to z, digits and dashes",
      'routes.a.copyTypes.0 (veil.yaml:17): expected a list of text, csv, json but received "pdf"',
      'routes.a.include.0 (veil.yaml:15): expected a list of patterns without a leading slash but received "/x"',
      'routes.a.include.1 (veil.yaml:15): expected a list of patterns without a leading slash but received "../y"',
      "routes.a.policy.quality (veil.yaml:14): expected a whole number from 1 to 100 but received 101",
      "routes.a.policy.stile (veil.yaml:13): there is no such setting; did you mean style?",
      "routes.a.to (veil.yaml:9): expected a path but received nothing",
      "routes.a.too (veil.yaml:11): there is no such setting; did you mean to?",
      "routes.b.originals (veil.yaml:21): move needs movedTo",
      "routes.b.others (veil.yaml:23): copy needs copyTypes",
      "routes.b.policy.style (veil.yaml:25): cosmetic does not anonymise; choose another",
      "routes.b.removed (veil.yaml:22): with originals: move veil itself would make every output void",
      "routes.c (veil.yaml:26): expected names and values below it",
      "routes.folder (veil.yaml:3): veil has a route of this name already; choose another one",
    ]);
    assert.match(faults("routes: 7\n")[0]!, /^routes \(veil\.yaml:1\): expected routes by their names/);
    assert.match(faults("routes:\n  - from: /a\n    to: /b\n")[0]!, /^routes\[0\] .*expected a route with a name/);
  });
});

describe("folders of several routes", () => {
  const two = (a: string, b: string) => `routes:\n  a:\n${a}  b:\n${b}`;
  const route = (from: string, to: string, more = "") => `    from: ${from}\n    to: ${to}\n${more}`;

  test("that would feed on each other, or be written to by two, are refused", () => {
    const refused: Record<string, readonly [yaml: string, fault: RegExp]> = {
      "one's output in the other's input": [
        two(route("/srv/a", "/srv/b/in/deep"), route("/srv/b/in", "/srv/c")),
        /^routes\.a\.to \(veil\.yaml:4\) and routes\.b\.from \(veil\.yaml:6\): expected two separate folders .*own results/,
      ],
      "one's input in the other's output": [
        two(route("/srv/a", "/srv/b"), route("/srv/b/x", "/srv/c")),
        /^routes\.a\.to .* and routes\.b\.from .*own results/,
      ],
      "two outputs in one tree": [
        two(route("/srv/a", "/srv/out"), route("/srv/b", "/srv/out/b")),
        /^routes\.a\.to .* and routes\.b\.to .*two routes would write into the same folder/,
      ],
      "an output in its own input": [two(route("/srv/a", "/srv/a/b"), route("/srv/c", "/srv/d")), /own results/],
      "the folder route's output": [
        `folder:\n  output: /srv/x\n${two(route("/srv/x", "/srv/a"), route("/srv/c", "/srv/d"))}`,
        /^folder\.output \(veil\.yaml:2\) and routes\.a\.from/,
      ],
      "one original for two, one of which takes it away": [
        two(route("/srv/a", "/srv/b", "    originals: delete\n"), route("/srv/a/x", "/srv/c")),
        /take the other one's originals away/,
      ],
      "originals moved among masked pictures": [
        two(route("/srv/a", "/srv/b", "    originals: move\n    movedTo: /srv/d/x\n"), route("/srv/c", "/srv/d")),
        /^routes\.b\.to .* and routes\.a\.movedTo .*originals would lie among masked pictures/,
      ],
      "uploads among moved originals": [
        `jobs:\n  folder: /srv/d/up\n${two(route("/srv/a", "/srv/b", "    originals: move\n    movedTo: /srv/d\n"), route("/srv/c", "/srv/e"))}`,
        /^jobs\.folder \(veil\.yaml:2\) and routes\.a\.movedTo .* lie among a route's photographs/,
      ],
      "veil's own folder": [two(route("inbox", "/srv/b"), route("/srv/c", "/srv/d")), /outside of veil's data folder/],
    };
    for (const [name, [yaml, fault]] of Object.entries(refused)) {
      const found = faults(yaml);
      assert.equal(found.length, 1, `${name}: ${found.join("\n")}`);
      assert.match(found[0]!, fault, name);
    }
  });

  test("may share an input that both leave as it is", () => {
    const cwd = folder(two(route("/srv/a", "/srv/b"), route("/srv/a", "/srv/c")));
    assert.equal(routesOf(load(cwd)).size, 3);
  });

  test("are seen through symbolic links", () => {
    const cwd = folder(two(route("../x", "../y"), route("../z", "../link/deep")));
    mkdirSync(join(cwd, "x"));
    symlinkSync(join(cwd, "x"), join(cwd, "link"));
    const yaml = two(route("../x", "../y"), route("../z", "../link/deep"));
    assert.match(faults(yaml, cwd)[0]!, /routes\.a\.from .* and routes\.b\.to/);
  });
});

test("docs/routes.md has one row for every setting of a route, with its default and meaning", () => {
  const text = readFileSync(new URL("../../docs/routes.md", import.meta.url), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("| `"));
  const expected = routeFields.map(
    (field) => `| \`${field.key}\` | ${field.shown} | ${field.description} Expects ${field.expected}. |`,
  );
  assert.deepEqual(rows, expected);
});
