import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse, stringify } from "yaml";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { type Program, startProgram } from "../e2e/program.ts";

const deploy = fileURLToPath(new URL("../../deploy", import.meta.url));
const run = promisify(execFile);

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const rules: readonly Rule[] = parse(readFileSync(join(deploy, "prometheus/alerts.yaml"), "utf8")).groups.flatMap(
  (group: { rules: readonly Rule[] }) => group.rules,
);
const dashboard = JSON.parse(readFileSync(join(deploy, "grafana/veil.json"), "utf8"));
const panels: readonly Panel[] = dashboard.panels;
const queries: readonly { readonly query: { readonly query: string } }[] = dashboard.templating.list.filter(
  ({ type }: { type: string }) => type === "query",
);

/** Names of metrics in a query of Prometheus's. */
function namesIn(query: string): readonly string[] {
  return [...new Set(query.replace(/"[^"]*"/g, "").match(/\b(veil|process|nodejs)_[a-z0-9_]+/g) ?? [])];
}

/** Labels that a query asks a metric for. */
function labelsIn(query: string): readonly (readonly [name: string, labels: readonly string[]])[] {
  return Array.from(
    query.matchAll(/\b((?:veil|process|nodejs)_[a-z0-9_]+)\{([^}]*)\}/g),
    ([, name = "", inside = ""]) => {
      return [name, Array.from(inside.matchAll(/([a-z]+)\s*(?:=~|!=|!~|=)/g), ([, label = ""]) => label)] as const;
    },
  );
}

describe("dashboard and alert rules", () => {
  let veil: Program;
  let text: string;
  let known: Set<string>;

  before(async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder.path, "labelled"));
    veil = await startProgram({ flags: ["--set", `eval.folder=${join(folder.path, "labelled")}`] });
    text = await (await fetch(`${veil.address}/metrics`)).text();
    await folder[Symbol.asyncDispose]();
    known = new Set(
      Array.from(text.matchAll(/^# TYPE (\S+) (\S+)$/gm), ([, name = "", type]) =>
        type === "histogram" ? ["bucket", "sum", "count"].map((end) => `${name}_${end}`) : [name],
      ).flat(),
    );
  });
  after(() => veil[Symbol.asyncDispose]());

  const all = [
    ...rules.map(({ alert, expr }) => ({ where: alert, expr })),
    ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expr }))),
    ...queries.map(({ query }) => ({ where: "a variable", expr: query.query })),
  ];

  test("name metrics that the program has", () => {
    assert.ok(rules.length > 10 && panels.length > 20);
    for (const { where, expr } of all)
      for (const name of namesIn(expr))
        assert.ok(known.has(name), `${where} asks for ${name}, which veil does not have`);
  });

  test("show or guard every metric of veil's own", () => {
    const asked = new Set(
      all.flatMap(({ expr }) => namesIn(expr)).map((name) => name.replace(/_(bucket|sum|count)$/, "")),
    );
    const own = Array.from(text.matchAll(/^# TYPE (veil_\S+)/gm), ([, name = ""]) => name);
    assert.deepEqual(
      own.filter((name) => !asked.has(name)),
      [],
    );
  });

  test("ask for labels that the metrics have", () => {
    const declared = readFileSync(new URL("../../src/http/metrics.ts", import.meta.url), "utf8");
    const progress = readFileSync(new URL("../../src/http/progress-gauges.ts", import.meta.url), "utf8");
    const outside = ["instance", "job"];
    for (const { where, expr } of all)
      for (const [name, labels] of labelsIn(expr)) {
        const plain = name.replace(/_(bucket|sum|count)$/, "");
        // What has samples shows its labels; of the rest, as far as its own declaration goes.
        const samples = text.match(new RegExp(`^${plain}(_bucket)?\\{.*`, "gm")) ?? [];
        const shown = samples.flatMap((sample) => sample.match(/\w+(?==")/g) ?? []).map((label) => `"${label}"`);
        const at = `${shown}${`${declared}\n${progress}`.split(`"${plain}"`)[1]?.split(/veil_[a-z]/)[0] ?? ""}`;
        for (const label of labels)
          assert.ok(
            outside.includes(label) ||
              at.includes(`"${label}"`) ||
              (label === "route" && plain.startsWith("veil_route_")),
            `${where} asks ${name} for ${label}`,
          );
      }
  });

  test("say what to do, and how urgent it is", () => {
    for (const { alert, labels, annotations } of rules) {
      assert.match(alert, /^Veil[A-Z]/);
      assert.match(labels.severity ?? "", /^(page|ticket)$/, alert);
      assert.ok(annotations.summary && annotations.description, alert);
    }
  });

  const promtool = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, "promtool")));
  const skip = promtool ? false : "not run: there is no promtool (Debian package prometheus)";
  test("are rules that Prometheus takes, and that fire when they should and not otherwise", { skip }, async () => {
    const cwd = join(deploy, "prometheus");
    await run("promtool", ["check", "rules", "alerts.yaml"], { cwd });
    const { stdout } = await run("promtool", ["test", "rules", "alerts.test.yaml"], { cwd });
    assert.match(stdout, /SUCCESS/);
    // The dashboard's queries as rules of their own: only Prometheus can say whether it understands them.
    await using folder = await temporaryFolder();
    const file = join(folder.path, "dashboard.yaml");
    const filled = (expr: string) => expr.replace(/\$(\w+)/g, ".*");
    const recorded = panels
      .flatMap(({ targets = [] }) => targets)
      .map(({ expr }, index) => ({ record: `d:q${index}`, expr: filled(expr) }));
    await writeFile(file, stringify({ groups: [{ name: "dashboard", rules: recorded }] }));
    await run("promtool", ["check", "rules", file]);
  });
});
