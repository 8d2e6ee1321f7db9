import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type { Store } from "../../src/stores/store.ts";
import { openSockets } from "../stores/open-sockets.ts";
import { eventually } from "./eventually.ts";
import { bodyOf, keysOf, withCode } from "./store.ts";

const image = { contentType: "image/jpeg" };

/** Readers of `x.jpg` break off, bodies are not wanted and listings are left, again and again. */
export async function givesUpAgainAndAgain(store: Store): Promise<void> {
  await store.put("x.jpg", bodyOf(randomBytes(5_000_000)), image);
  for (let round = 0; round < 50; round += 1) {
    const { stream } = await store.get("x.jpg");
    if (round % 2 === 0) await stream[Symbol.asyncIterator]().next();
    stream.destroy();
    const unread = Readable.from([Buffer.alloc(10)]);
    await store.put("x.jpg", unread, { ...image, ifNoneMatch: "*" }).catch(() => {});
    assert.ok(unread.destroyed);
    await store.get("x.jpg", { version: "other" }).catch(() => {});
    for await (const _ of store.list("")) break;
  }
}

/** Of HTTP: readers that break off leave no connection. */
export async function keepsNoConnectionOfReaders(store: Store): Promise<void> {
  await store.put("x", bodyOf(randomBytes(5_000_000)), image);
  const before = openSockets();
  for (let round = 0; round < 50; round += 1) {
    const { stream } = await store.get("x");
    await stream[Symbol.asyncIterator]().next();
    stream.destroy();
  }
  await eventually("they are gone", () => openSockets() <= before + 1);
}

/** Its server is away for a while. */
export async function goesOnAfterItsServerWasAway(
  store: Store,
  server: { kill(): Promise<void>; start(): Promise<void> },
): Promise<void> {
  await store.put("x.jpg", bodyOf("x"), image);
  await server.kill();
  await assert.rejects(store.put("y.jpg", bodyOf("y"), image), withCode("store-unavailable"));
  await assert.rejects(store.get("x.jpg"), withCode("store-unavailable"));
  await server.start();
  assert.deepEqual(await keysOf(store), ["x.jpg"]);
}

/** Its server falls silent in the middle of a read of `x`, and answers nothing that is asked then. */
export async function failsWhileItsServerIsSilent(
  store: Store,
  server: { freeze(): void; thaw(): void },
): Promise<void> {
  const offline = withCode("store-unavailable");
  await store.put("x", bodyOf(randomBytes(20_000_000)), image);
  const { stream } = await store.get("x");
  await stream[Symbol.asyncIterator]().next();
  server.freeze();
  try {
    await assert.rejects(stream.toArray(), offline);
    for (const action of [() => store.head("x"), () => store.get("x"), () => store.put("y", bodyOf("y"), image)])
      await assert.rejects(action(), offline, String(action));
  } finally {
    server.thaw();
  }
}
