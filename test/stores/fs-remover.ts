import { subscribe } from "node:diagnostics_channel";
import type { Point } from "../../src/points.ts";
import { createFsStore } from "../../src/stores/fs.ts";

// Removes the version of x.jpg that is there, and is killed in the middle.
subscribe("veil:point", (message) => {
  if ((message as { readonly point: Point }).point === "original-aside") process.kill(process.pid, "SIGKILL");
});
const store = createFsStore({ name: "fs", root: process.argv[2]! });
await store.remove("x.jpg", { ifMatch: (await store.head("x.jpg"))!.version });
