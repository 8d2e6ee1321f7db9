import { writeFile } from "node:fs/promises";
import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";

interface Fault {
  readonly place: string;
  readonly name: string;
  readonly text: string;
}

/**
 * One line per passed file; every failure in full; at the end node's own counts and what was not run. A skip fails the
 * run unless its reason starts with `not run: `, and so does a file without a test. What passed, and what was not run,
 * is written to the file that TEST_RESULTS_FILE names.
 */
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const faults: Fault[] = [];
  const notRun = new Map<string, number>();
  const results: { readonly file: string; readonly name: string; readonly notRun?: string }[] = [];
  const path: string[] = [];
  const totals: string[] = [];

  for await (const { type, data } of source) {
    if (type === "test:start") path.splice(data.nesting, path.length, data.name);
    if (type === "test:stderr" || type === "test:stdout") yield data.message;
    if (type === "test:diagnostic" && data.nesting === 0) totals.push(data.message);
    if (type === "test:pass" || type === "test:fail") {
      const skip = data.skip ?? data.todo;
      const place = `${fileOf(data.file)}${data.line === undefined ? "" : `:${data.line}`}`;
      if (type === "test:fail" && data.todo === undefined) {
        const text = describe(data.details.error);
        // A suite that failed says no more than its tests have said.
        if (text === undefined) continue;
        faults.push({ place, name: [...path.slice(0, data.nesting), data.name].join(" > "), text });
        yield `✖ ${data.name} (${place})\n`;
      } else if (skip !== undefined) {
        const reason = typeof skip === "string" ? skip : "";
        if (/^not run: ./.test(reason)) {
          notRun.set(reason, (notRun.get(reason) ?? 0) + 1);
          results.push({ file: fileOf(data.file), name: data.name, notRun: reason });
        } else {
          faults.push({ place, name: data.name, text: `Skipped without a reason that starts with "not run: "` });
        }
      } else if (type === "test:pass") results.push({ file: fileOf(data.file), name: data.name });
    }
    if (type === "test:summary" && data.file !== undefined) {
      const { tests, passed, skipped } = data.counts;
      if (tests === 0 && data.success) faults.push({ place: fileOf(data.file), name: "empty", text: "No test in it" });
      const seconds = (data.duration_ms / 1000).toFixed(1);
      const skips = skipped > 0 ? `, ${skipped} not run` : "";
      yield `${data.success ? "✔" : "✖"} ${fileOf(data.file)}  ${passed} passed${skips}  ${seconds} s\n`;
    }
  }

  const { TEST_RESULTS_FILE: target } = process.env;
  if (target !== undefined) await writeFile(target, JSON.stringify(results));
  for (const { place, name, text } of faults) yield `\n✖ ${name}\n  ${place}\n${indent(text)}\n`;
  yield "\n";
  for (const [reason, count] of notRun) yield `${reason}${count > 1 ? ` (${count} tests)` : ""}\n`;
  for (const total of totals) yield `ℹ ${total}\n`;
  if (faults.length > 0) {
    process.exitCode = 1;
    yield `\n${faults.length === 1 ? "1 fault" : `${faults.length} faults`}, shown above\n`;
  }
}

/** Undefined: this error only repeats that something inside failed. */
function describe(error: Error & { failureType?: string; exitCode?: number | null; signal?: string | null }) {
  if (error.failureType === "subtestsFailed") return undefined;
  if (error.signal) return `The file's process was ended by ${error.signal}`;
  if (error.exitCode) return `The file's process ended with code ${error.exitCode}; what it printed stands above`;
  const { cause } = error;
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return cause === undefined ? error.message : String(cause);
}

function fileOf(file: string | undefined): string {
  return file === undefined ? "" : relative(process.cwd(), file);
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
