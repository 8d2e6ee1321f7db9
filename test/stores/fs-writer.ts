import { Readable } from "node:stream";
import { createFsStore } from "../../src/stores/fs.ts";

// Nobody is left to kill it when the test itself was.
process.on("disconnect", () => process.exit());

// Puts one object over and over until it is killed; tells its parent after the first time.
const store = createFsStore({ name: "fs", root: process.argv[2]! });
for (let round = 1; ; round += 1) {
  await store.put("x.jpg", Readable.from([Buffer.alloc(4_000_000, round % 256)]), { contentType: "image/jpeg" });
  if (round === 1) process.send?.("put");
}
