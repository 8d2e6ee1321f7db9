import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { Problem } from "../../src/errors.ts";
import type { Store } from "../../src/stores/store.ts";
import type { StoreTraits, StoreUnderTest } from "./store.ts";

const image = { contentType: "image/jpeg" };
const changed = { name: "Problem", code: "changed-while-reading" };
const bodyOf = (text: string) => Readable.from([Buffer.from(text)], { objectMode: false });

async function contentsOf(store: Store): Promise<Readonly<Record<string, string>>> {
  const infos = await Array.fromAsync(store.list(""));
  const contents = infos.map(async ({ key }) => {
    const { stream } = await store.get(key);
    return [key, String(Buffer.concat(await stream.toArray()))] as const;
  });
  return Object.fromEntries(await Promise.all(contents));
}

/** What every store promises of removals; to be called where its tests are described. */
export function removalContract(
  open: () => Promise<StoreUnderTest>,
  { tickMs, rounds, keepsNewer }: Required<Pick<StoreTraits, "tickMs" | "rounds">> & { readonly keepsNewer: boolean },
): void {
  test("removes only the version that it is told to", async () => {
    await using opened = await open();
    const { store } = opened;
    const first = await store.put("a/x.jpg", bodyOf("first"), image);
    await sleep(tickMs);
    const second = await store.put("a/x.jpg", bodyOf("second"), image);
    await assert.rejects(store.remove("a/x.jpg", { ifMatch: first.version }), changed);
    assert.deepEqual(await contentsOf(store), { "a/x.jpg": "second" });
    await store.remove("a/x.jpg", { ifMatch: second.version });
    await store.remove("a/x.jpg", { ifMatch: second.version });
    assert.deepEqual(await contentsOf(store), {});
  });

  if (keepsNewer) {
    test("leaves what takes an object's place just as that is removed", async () => {
      await using opened = await open();
      const { store } = opened;
      const key = "a/x.jpg";
      let tookMs = 0;
      for (let round = 0; round < 3; round += 1) {
        const { version } = await store.put(key, bodyOf("old"), image);
        const began = performance.now();
        await store.remove(key, { ifMatch: version });
        tookMs = performance.now() - began;
      }
      for (let round = 0; round < rounds * 2; round += 1) {
        const { version } = await store.put(key, bodyOf("old"), image);
        // Before, while and after the new one comes.
        const aheadMs = ((round % 20) / 10 - 0.5) * tookMs;
        let removing: Promise<Problem | undefined> | undefined;
        const beforeVisible = async () => {
          removing = pause(-aheadMs).then(async () => {
            const removal = store.remove(key, { ifMatch: version });
            return await removal.then(
              () => undefined,
              (error: Problem) => error,
            );
          });
          await pause(aheadMs);
        };
        const told = await store
          .put(key, bodyOf(`newer ${round}`), { ...image, beforeVisible })
          .catch((error) => error);
        const refused = await removing;
        if (refused !== undefined) assert.equal(refused.code, "changed-while-reading", String(refused));
        // While it was looked at under another name, it seemed to have vanished.
        if (told instanceof Error) assert.match(told.message, /vanished/);
        const left = await contentsOf(store);
        assert.ok(Object.values(left).includes(`newer ${round}`), `it is gone in round ${round}`);
        for (const one of Object.keys(left)) await store.remove(one);
      }
    });
  }

  test("removes, and does not mind what is gone already", async () => {
    await using opened = await open();
    await opened.store.put("a/x.jpg", bodyOf("x"), image);
    await opened.store.remove("a/x.jpg");
    await opened.store.remove("a/x.jpg");
    await opened.store.remove("never/there.jpg");
    assert.equal(await opened.store.head("a/x.jpg"), undefined);
  });
}

/** Timers are too coarse. */
async function pause(ms: number): Promise<void> {
  const until = performance.now() + ms;
  while (performance.now() < until) await turn();
}
