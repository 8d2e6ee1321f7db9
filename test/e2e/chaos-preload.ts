/*
 * Loaded ahead of veil by `node --import`: kills the process where the address of this module says, at the `nth` time
 * that a job reaches `point`, and keeps `notes` of what it saw. veil itself knows nothing of it.
 */
import { subscribe } from "node:diagnostics_channel";
import { openSync, writeSync } from "node:fs";
import type { Point } from "../../src/points.ts";
import type { ChaosNotes } from "./chaos-notes.ts";

const asked = new URL(import.meta.url).searchParams;
const point = asked.get("point");
let left = Number(asked.get("nth"));
const inWork = new Set<string>();
const notes: ChaosNotes = { inWork: 0, lent: 0, again: 0 };
let file: number | undefined;

function write(): void {
  file ??= openSync(asked.get("notes") ?? "", "w");
  writeSync(file, JSON.stringify(notes).padEnd(200), 0);
}

subscribe("veil:point", (message) => {
  const at = message as { readonly point: Point; readonly job?: string; readonly state?: string };
  if (at.point === "lent") {
    inWork.add(at.job ?? "");
    notes.lent += 1;
    if (at.state !== "admitted") notes.again += 1;
  }
  notes.inWork = inWork.size;
  if (at.point === point && --left === 0) {
    write();
    process.kill(process.pid, "SIGKILL");
  }
  if (at.point === "over") {
    inWork.delete(at.job ?? "");
    notes.inWork = inWork.size;
  }
  if (at.point === "lent" || at.point === "over") write();
});
