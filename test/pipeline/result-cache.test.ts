import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cache } from "../../src/caches/cache.ts";
import { createMemoryCache } from "../../src/caches/memory.ts";
import type { Anonymized } from "../../src/core/media.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import { Problem } from "../../src/errors.ts";
import type { MaskedNow } from "../../src/pipeline/mask-now.ts";
import { type CacheUse, createResultCache, type ResultCacheOptions } from "../../src/pipeline/result-cache.ts";
import { openSpool, type Spool, streamOf } from "../../src/pipeline/spool.ts";
import { withCode } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const sha256 = createHash("sha256").update("an original").digest("hex");
const asked = { sha256, policy: defaultPolicy, lane: "bulk" as const };
const regions = [{ kind: "face" as const, box: { x: 1, y: 2.5, width: 3, height: 4 }, score: 0.75 }];
let root: Awaited<ReturnType<typeof temporaryFolder>>;
let spool: Spool;

before(async () => {
  root = await temporaryFolder();
  spool = await openSpool(root.path);
});
after(async () => {
  await spool.close();
  await root[Symbol.asyncDispose]();
});

function setUp(options: Partial<ResultCacheOptions> = {}) {
  const [keys, uses, problems, mended]: [string[], CacheUse[], Problem[], string[]] = [[], [], [], []];
  const inner = createMemoryCache({ maxBytes: 100_000_000 });
  const cache: Cache = {
    ...inner,
    async set(key, value, expiresAt) {
      keys.push(key);
      await inner.set(key, value, expiresAt);
    },
  };
  let renders = 0;
  const all: ResultCacheOptions = {
    ...{ cache, spool, installationKey: "key", ttlMs: 3_600_000, now: Date.now },
    limits: { maxBytes: 2 ** 26, maxPixels: 120e6, maxFrames: 500 },
    detector: { name: "yunet", digest: "d1" },
    observe: (use) => uses.push(use),
    onProblem: (problem) => problems.push(problem),
    onMended: (verb) => mended.push(verb),
    ...options,
  };
  return {
    ...{ results: createResultCache(all), cache: all.cache, all, keys, uses, problems, mended },
    outcomes: () => uses.map(({ outcome }) => outcome),
    renders: () => renders,
    /** As the engine would. */
    async render(bytes: Buffer = Buffer.from("masked bytes")): Promise<MaskedNow> {
      renders += 1;
      const {
        path,
        size,
        sha256: digest,
        remove,
      } = await spool.receive(streamOf(bytes), { maxBytes: 2 ** 30, isMasked: true });
      const file = { path, size, sha256: digest, contentType: "image/jpeg", extension: "jpg", width: 9, height: 8 };
      const masked = file as Partial<Anonymized> as Anonymized;
      return { masked, regions, format: "heic", frames: 1, [Symbol.asyncDispose]: remove };
    },
  };
}

describe("a result", () => {
  test("is rendered once, and found again with all that is said of it, in a spool file of its own", async () => {
    const { results, render, renders, outcomes } = setUp();
    const bytes = randomBytes(2_000_000);
    await using first = await results.through(asked, () => render(bytes));
    await using second = await results.through(asked, () => render(bytes));
    assert.equal(renders(), 1);
    assert.deepEqual([first.cached, second.cached], [undefined, true]);
    const about = ({ masked: { path: _, ...rest }, format, frames, regions }: MaskedNow) => [
      rest,
      format,
      frames,
      regions,
    ];
    assert.deepEqual(about(second), about(first));
    assert.notEqual(second.masked.path, first.masked.path);
    assert.ok((await readFile(second.masked.path)).equals(bytes));
    assert.equal((await stat(second.masked.path)).mode & 0o777, 0o600);
    assert.deepEqual(outcomes(), ["miss", "kept", "hit"]);
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    assert.deepEqual(await readdir(spool.folder), []);
  });

  const other = {
    bytes: [{ sha256: sha256.replace(/^./, (digit) => (digit === "0" ? "1" : "0")) }, {}],
    style: [{ policy: { ...defaultPolicy, style: "solid" } }, {}],
    quality: [{ policy: { ...defaultPolicy, quality: 91 } }, {}],
    "score, said or not": [{ policy: { ...defaultPolicy, minScore: 0.5 } }, {}],
    "second look that would hold it": [{ policy: { ...defaultPolicy, verify: "hold" } }, {}],
    metadata: [{ policy: { ...defaultPolicy, metadata: "keep-safe" } }, {}],
    lossless: [{ policy: { ...defaultPolicy, lossless: true } }, {}],
    "model of the same name": [{}, { detector: { name: "yunet", digest: "d2" } }],
    "detector with the same model": [{}, { detector: { name: "yunet+scrfd", digest: "d1" } }],
    operator: [{}, { operator: "0.2.0/1" }],
    "limit of pixels": [{}, { limits: { maxBytes: 2 ** 26, maxPixels: 1e6, maxFrames: 500 } }],
    installation: [{}, { installationKey: "another key" }],
  } as const;
  for (const [what, [change, options]] of Object.entries(other)) {
    test(`is not found for another ${what}`, async () => {
      const one = setUp();
      await (await one.results.through(asked, one.render))[Symbol.asyncDispose]();
      const two = setUp({ cache: one.cache, ...options });
      await using result = await two.results.through({ ...asked, ...change }, two.render);
      assert.deepEqual([two.renders(), result.cached, two.problems.length], [1, undefined, 0]);
      assert.equal(new Set(one.keys).size, 2, "both lie side by side");
    });
  }

  test("that the engine refuses or holds back leaves nothing, and is asked for again", async () => {
    const { results, render, renders, keys } = setUp();
    const doubt = () => Promise.reject(new Problem("doubtful", "a face was missed"));
    for (let i = 0; i < 2; i++) await assert.rejects(results.through(asked, doubt), withCode("doubtful"));
    assert.deepEqual(keys, []);
    await using _ = await results.through(asked, render);
    assert.equal(renders(), 1);
  });

  test("of more than 15 MiB is not kept, and not read into memory for it", async () => {
    const { results, render, outcomes, keys } = setUp();
    await using _ = await results.through(asked, () => render(Buffer.alloc(16_000_000)));
    assert.deepEqual([keys, outcomes()], [[], ["miss", "too-large"]]);
  });

  test("is not found after its time, even where the cache forgot to forget it", async () => {
    let time = Date.now();
    const eternal = createMemoryCache({ maxBytes: 1e6, now: () => 0 });
    const { results, render, renders, problems } = setUp({ cache: eternal, now: () => time, ttlMs: 1000 });
    for (const ms of [0, 999, 1]) {
      time += ms;
      await (await results.through(asked, render))[Symbol.asyncDispose]();
    }
    assert.deepEqual([renders(), problems.length], [2, 0]);
  });
});

describe("what others write into the cache", () => {
  /** A kept result, and what is found where it was changed into `value`. */
  async function forged(forge: (kept: Buffer) => Buffer | Promise<Buffer>) {
    const parts = setUp();
    await (await parts.results.through(asked, parts.render))[Symbol.asyncDispose]();
    const [key] = parts.keys;
    const kept = await parts.cache.get(key!);
    await parts.cache.set(key!, await forge(kept!), Date.now() + 60_000);
    const result = await parts.results.through(asked, parts.render);
    assert.equal(String(await readFile(result.masked.path)), "masked bytes");
    await result[Symbol.asyncDispose]();
    const files = await readdir(spool.folder);
    return { ...parts, result, files };
  }

  const labelEnd = (kept: Buffer) => 36 + kept.readUInt32BE(32);
  const unmasked = Buffer.from("an original!");
  const forgeries: Record<string, (kept: Buffer) => Buffer | Promise<Buffer>> = {
    "an original in place of the masked bytes": (kept) => Buffer.concat([kept.subarray(0, labelEnd(kept)), unmasked]),
    "an original with a label that fits it": (kept) => {
      const digest = createHash("sha256").update(unmasked).digest("hex");
      const label = Buffer.from(
        String(kept.subarray(36, labelEnd(kept))).replace(/"sha256":"\w+"/, `"sha256":"${digest}"`),
      );
      return Buffer.concat([kept.subarray(0, 36), label, unmasked]);
    },
    "a result of another installation": async (kept) => {
      const other = setUp({ installationKey: "guessed" });
      await (await other.results.through(asked, () => other.render(unmasked)))[Symbol.asyncDispose]();
      assert.ok(kept.length > 0);
      return (await other.cache.get(other.keys[0]!))!;
    },
    "a result of another picture, moved": async () => {
      const other = setUp();
      const moved = { ...asked, sha256: "0".repeat(64) };
      await (await other.results.through(moved, () => other.render(unmasked)))[Symbol.asyncDispose]();
      return (await other.cache.get(other.keys[0]!))!;
    },
    "more behind the masked bytes": (kept) => Buffer.concat([kept, unmasked]),
    nothing: () => Buffer.alloc(0),
    "a length beyond its end": (kept) => Buffer.concat([kept.subarray(0, 32), Buffer.alloc(4, 255), kept.subarray(36)]),
    noise: () => randomBytes(5000),
  };
  for (const [what, forge] of Object.entries(forgeries)) {
    test(`${what} is refused, removed and told, and the picture is masked again`, async () => {
      const { result, renders, problems, outcomes, files } = await forged(forge);
      assert.deepEqual([result.cached, renders(), files], [undefined, 2, []]);
      assert.deepEqual(
        problems.map(({ code }) => code),
        ["unreadable"],
      );
      assert.deepEqual(outcomes(), ["miss", "kept", "refused", "kept"]);
    });
  }
});

describe("a cache that fails", () => {
  test("costs no caller anything, is told of once, left alone for two seconds, and told of when it is back", async () => {
    let time = Date.now();
    let down = true;
    let calls = 0;
    const inner = createMemoryCache({ maxBytes: 1e6 });
    const verb = <T>(work: () => Promise<T>) => {
      calls += 1;
      return down ? Promise.reject(new Problem("store-unavailable", "it is down")) : work();
    };
    const cache: Cache = {
      ...inner,
      get: (key) => verb(() => inner.get(key)),
      set: (...entry) => verb(() => inner.set(...entry)),
    };
    const { results, render, renders, problems, mended, outcomes } = setUp({ cache, now: () => time });
    const ask = async () => (await results.through(asked, render))[Symbol.asyncDispose]();
    for (let i = 0; i < 5; i++) await ask();
    assert.deepEqual([renders(), calls, problems.map(({ message }) => message)], [5, 1, ["it is down"]]);
    assert.deepEqual(new Set(outcomes()), new Set(["error"]));
    time += 2000;
    await ask();
    assert.deepEqual([renders(), calls, problems.length], [6, 2, 1]);
    down = false;
    time += 2000;
    for (let i = 0; i < 3; i++) await ask();
    assert.deepEqual([renders(), problems.length, mended], [7, 1, ["find"]]);
  });

  test("for want of room still gives what it holds", async () => {
    const { results, render, cache, all, problems } = setUp();
    await (await results.through(asked, render))[Symbol.asyncDispose]();
    const full = { ...cache, set: () => Promise.reject(new Problem("store-full", "no room")) };
    const again = createResultCache({ ...all, cache: full });
    for (const quality of [1, 2, 3]) {
      await using made = await again.through({ ...asked, policy: { ...defaultPolicy, quality } }, render);
      assert.equal(made.cached, undefined);
      await using found = await again.through(asked, render);
      assert.equal(found.cached, true);
    }
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["store-full"],
    );
  });
});

describe("many who ask for the same at once", () => {
  test("wait for the one that renders, and a failure of that one is its own", async () => {
    const { results, render, renders } = setUp();
    let first = true;
    const failing = async () => {
      await sleep(20);
      if (!first) return render();
      first = false;
      throw new Problem("crashed", "the engine died");
    };
    const settled = await Promise.allSettled(Array.from({ length: 12 }, () => results.through(asked, failing)));
    assert.deepEqual(
      settled.map(({ status }) => status),
      ["rejected", ...Array(11).fill("fulfilled")],
    );
    assert.equal(renders(), 1);
    for (const one of settled) if (one.status === "fulfilled") await one.value[Symbol.asyncDispose]();
    assert.deepEqual(await readdir(spool.folder), []);
  });

  test("leave when they are gone, and a person does not wait for a bulk job", async () => {
    const { results, render } = setUp();
    const hold = Promise.withResolvers<void>();
    const slow = results.through(asked, async () => {
      await hold.promise;
      return render();
    });
    const gone = new AbortController();
    const waiting = results.through({ ...asked, signal: gone.signal }, () => assert.fail("it is gone"));
    setTimeout(() => gone.abort(new Problem("client-gone", "hung up")), 20);
    await assert.rejects(waiting, withCode("client-gone"));
    await using now = await results.through({ ...asked, lane: "interactive" }, render);
    assert.equal(now.cached, undefined);
    hold.resolve();
    await using late = await slow;
    assert.equal(late.cached, undefined);
    await sleep(20);
  });

  test("are a thousand pictures, and a few values are in memory at a time", async () => {
    let [inWork, most] = [0, 0];
    const inner = createMemoryCache({ maxBytes: 1e6 });
    const watched = async <T>(work: () => Promise<T>) => {
      inWork += 1;
      most = Math.max(most, inWork);
      await sleep(1);
      const value = await work();
      inWork -= 1;
      return value;
    };
    const cache = { ...inner, get: (key: string) => watched(() => inner.get(key)) };
    const { results, render } = setUp({ cache });
    const all = Array.from({ length: 100 }, (_, i) => ({ ...asked, policy: { ...defaultPolicy, minScore: i / 100 } }));
    for (const one of await Promise.all(all.map((it) => results.through(it, render)))) await one[Symbol.asyncDispose]();
    assert.ok(most > 1 && most <= 4, `${most} at once`);
  });
});
