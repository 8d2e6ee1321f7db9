import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { ConfigFlags } from "../config/layers.ts";
import type { Config } from "../config.ts";
import { residueOf } from "../engine/residue.ts";
import { type Finding, residueKinds } from "../engine/residue-search.ts";
import { Problem, toProblem } from "../errors.ts";
import { type CommandEngine, openCommandEngine, requireFile } from "./engine.ts";
import { plainProblem } from "./plain-problem.ts";
import { printable } from "./printable.ts";
import { configFor } from "./settings.ts";

interface Looked {
  readonly file: string;
  readonly format?: string;
  readonly frames?: number;
  readonly findings: readonly Finding[];
  readonly problem?: { readonly code: string; readonly detail: string };
}

/** `veil residue`: what files carry beside the picture that they show. Exit code 1: something was found, or not looked at. */
export async function residue(
  flags: ConfigFlags,
  files: readonly string[],
  options: { readonly json?: boolean },
): Promise<number> {
  const config = configFor(flags);
  let engine: CommandEngine | undefined;
  const results: Looked[] = [];
  try {
    for (const file of files) {
      try {
        const looked = await look(file, config, async () => {
          engine ??= await openCommandEngine(config);
          return engine;
        });
        results.push(looked);
      } catch (error) {
        const { code, message } = plainProblem(error);
        // What the system refuses names its file already.
        const detail = message.startsWith(`${file}: `) ? message.slice(file.length + 2) : message;
        results.push({ file, findings: [], problem: { code, detail } });
      }
      if (!options.json) process.stdout.write(textOf(results.at(-1)!));
    }
  } finally {
    await engine?.[Symbol.asyncDispose]();
  }
  if (options.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  return results.every(({ findings, problem }) => findings.length === 0 && problem === undefined) ? 0 : 1;
}

async function look(file: string, config: Config, engine: () => Promise<CommandEngine>): Promise<Looked> {
  await requireFile(file);
  const { size } = await stat(file);
  const { maxBytes } = config.limits;
  if (size > maxBytes) throw new Problem("too-large", `Expected at most ${maxBytes} bytes but received ${size}`);
  const { format, frames, alpha, findings } = residueOf(await readFile(file));
  // Structure is read here; pixels are decoded in an engine process alone.
  const hidden = alpha ? await hiddenIn(file, size, (await engine()).pool) : [];
  return { file, format, frames, findings: [...findings, ...hidden] };
}

async function hiddenIn(file: string, length: number, pool: CommandEngine["pool"]): Promise<readonly Finding[]> {
  const whole = { offset: 0, length };
  try {
    await using picture = await pool.open(resolve(file), { lane: "interactive" });
    const { hidden = 0 } = picture;
    return hidden === 0 ? [] : [{ kind: "hidden-pixels", ...whole, picture: true, detail: `${hidden} pixels differ` }];
  } catch (error) {
    const problem = toProblem(error);
    return [
      { kind: "damaged", ...whole, picture: false, detail: `transparency not looked through: ${problem.message}` },
    ];
  }
}

function textOf({ file, format, frames = 1, findings, problem }: Looked): string {
  const name = printable(file);
  if (problem !== undefined) return `${name}: not looked through: ${printable(problem.detail)}\n`;
  const kind = `${format}${frames > 1 ? `, ${frames} frames` : ""}`;
  if (findings.length === 0) return `${name}: ${kind}: nothing found\n`;
  const pictures = findings.filter(({ picture }) => picture).length;
  const lines = findings.map(({ kind, offset, length, picture, detail }) => {
    const words = `${residueKinds[kind]}${detail === undefined ? "" : ` (${printable(detail)})`}`;
    return `${String(offset).padStart(10)} ${String(length).padStart(10)}  ${picture ? "picture" : "       "}  ${words}\n`;
  });
  const head = `${name}: ${kind}: ${findings.length} found, ${pictures} with a picture\n`;
  return `${head}    offset     length\n${lines.join("")}`;
}
