import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { lanes } from "../../src/core/job.ts";
import { assignPartitions, type GroupMember } from "../../src/queues/kafka-assign.ts";
import { decodeJob, encodeDead, encodeJob } from "../../src/queues/kafka-message.ts";
import { createOffsets } from "../../src/queues/kafka-offsets.ts";
import { allTopics, laneTopics, retryTopic } from "../../src/queues/kafka-topics.ts";
import { makeJob } from "../contracts/jobs.ts";

describe("the offsets of a partition", () => {
  test("never commit past what is open, and commit everything once nothing is", () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 40 });
    const seeds = fc.array(fc.nat(), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(gaps, seeds, (steps, seed) => {
        const offsets = createOffsets(5n);
        const taken: bigint[] = [];
        for (const step of steps) {
          const offset = offsets.next + BigInt(step - 1);
          offsets.take(offset);
          taken.push(offset);
        }
        const open = new Set(taken);
        for (const [turn, offset] of taken
          .map((offset, at) => [seed[at]!, offset] as const)
          .sort((a, b) => a[0] - b[0])) {
          assert.ok(turn >= 0);
          offsets.settle(offset);
          open.delete(offset);
          const lowest = taken.find((one) => open.has(one));
          assert.equal(offsets.committable, lowest ?? offsets.next);
          assert.equal(offsets.open, lowest === undefined ? 0 : taken.length - taken.indexOf(lowest));
        }
        assert.equal(offsets.committable, taken.at(-1)! + 1n);
      }),
    );
  });

  test("hold what was settled above a gap until the gap closes", () => {
    const offsets = createOffsets(0n);
    for (const offset of [0n, 1n, 2n, 3n]) offsets.take(offset);
    offsets.settle(1n);
    offsets.settle(3n);
    assert.deepEqual([offsets.committable, offsets.open], [0n, 4]);
    offsets.settle(0n);
    assert.deepEqual([offsets.committable, offsets.open], [2n, 2]);
    offsets.settle(2n);
    assert.deepEqual([offsets.committable, offsets.open], [4n, 0]);
  });

  test("pass over what holds nothing to take, and ignore what was never taken", () => {
    const offsets = createOffsets(0n);
    offsets.take(0n);
    offsets.skipTo(7n);
    offsets.skipTo(3n);
    offsets.settle(9n);
    assert.deepEqual([offsets.next, offsets.committable], [7n, 0n]);
    offsets.settle(0n);
    offsets.settle(0n);
    assert.equal(offsets.committable, 7n);
  });
});

describe("the assignment of partitions", () => {
  const groups = fc.record({
    count: fc.integer({ min: 1, max: 24 }),
    owners: fc.array(fc.integer({ min: -1, max: 5 }), { minLength: 24, maxLength: 24 }),
    size: fc.integer({ min: 1, max: 6 }),
  });

  function membersOf({ count, owners, size }: { count: number; owners: readonly number[]; size: number }) {
    return Array.from({ length: size }, (_, member): GroupMember => {
      const owned = owners.slice(0, count).flatMap((owner, index) => (owner === member ? [index] : []));
      return { id: `m${member}`, owned, generation: 7 };
    });
  }

  test("gives nobody what another still holds, and nothing to two", () => {
    fc.assert(
      fc.property(groups, (group) => {
        const members = membersOf(group);
        const assigned = assignPartitions(members, group.count);
        const all = [...assigned.values()].flat();
        assert.equal(new Set(all).size, all.length);
        for (const [id, indices] of assigned) {
          for (const other of members) {
            if (other.id !== id) assert.ok(!indices.some((index) => other.owned.includes(index)));
          }
        }
      }),
    );
  });

  test("shares all out evenly within two rounds, and moves only what is above a fair share", () => {
    fc.assert(
      fc.property(groups, (group) => {
        const members = membersOf(group);
        const first = assignPartitions(members, group.count);
        const second = assignPartitions(
          members.map(({ id }) => ({ id, owned: first.get(id)!, generation: 8 })),
          group.count,
        );
        const sizes = [...second.values()].map((indices) => indices.length);
        assert.deepEqual(
          [...second.values()].flat().sort((a, b) => a - b),
          Array.from({ length: group.count }, (_, index) => index),
        );
        assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, String(sizes));
        const share = Math.floor(group.count / group.size);
        for (const { id, owned } of members) {
          const kept = owned.filter((index) => second.get(id)!.includes(index));
          assert.ok(kept.length >= Math.min(owned.length, share));
        }
      }),
    );
  });

  test("believes the newest claim", () => {
    const assigned = assignPartitions(
      [
        { id: "slept", owned: [0, 1], generation: 3 },
        { id: "awake", owned: [0], generation: 5 },
      ],
      2,
    );
    assert.deepEqual(Object.fromEntries(assigned), { awake: [0], slept: [1] });
  });
});

describe("the topics", () => {
  test("let a job wait in the shortest step that is no shorter than its delay, or else in the longest", () => {
    const chosen = [0, 1250, 2000, 2001, 31_250, 600_000, 4_500_000].map((ms) => retryTopic("veil", "bulk", ms));
    assert.deepEqual(
      chosen,
      ["2s", "2s", "2s", "10s", "1m", "10m", "1h"].map((step) => `veil.bulk.retry.${step}`),
    );
  });

  test("are all named to whoever makes them", () => {
    const all = allTopics("veil");
    assert.equal(new Set(all).size, all.length);
    assert.ok(all.includes("veil.dead"));
    for (const lane of lanes) {
      assert.ok(laneTopics("veil", lane).every((topic) => all.includes(topic)));
      assert.ok(laneTopics("veil", lane).includes(retryTopic("veil", lane, 30_000)));
    }
  });
});

describe("a message", () => {
  const read = ({ value, headers }: ReturnType<typeof encodeJob>) => decodeJob({ value, headers });

  test("carries a job and when it may be lent", () => {
    const job = makeJob({ key: "照片/a b+%\n.jpg" });
    assert.deepEqual(read(encodeJob(job)), { job, notBefore: 0 });
    assert.deepEqual(read(encodeJob(job, 1_800_000_000_000)), { job, notBefore: 1_800_000_000_000 });
    assert.equal(encodeJob(job).key?.toString(), job.id);
  });

  test("of more than 16 kB is refused", () => {
    assert.throws(() => encodeJob(makeJob({ key: "x".repeat(16_384) })), { name: "Problem", code: "invalid-request" });
  });

  test("that is no job is none, whatever it is", () => {
    const { id: _, ...anonymous } = makeJob();
    const texts = ["", "{", "null", "[]", "7", '"job"', JSON.stringify(anonymous), "x".repeat(20_000)];
    for (const text of texts) assert.equal(decodeJob({ value: Buffer.from(text), headers: [] }), undefined);
    assert.equal(decodeJob({ value: null, headers: [] }), undefined);
    const soon = encodeJob(makeJob());
    assert.equal(decodeJob({ ...soon, headers: [[Buffer.from("veil-not-before"), Buffer.from("soon")]] }), undefined);
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(decodeJob({ value: Buffer.from(JSON.stringify(value)), headers: [] }), undefined);
      }),
    );
  });

  test("for people says why it is there", () => {
    const { value, headers } = encodeDead({ key: null, value: null }, { reason: "no-job", from: "veil.bulk:0:7" });
    assert.equal(value.length, 0);
    assert.deepEqual(Object.fromEntries([...headers].map(([name, text]) => [name.toString(), text.toString()])), {
      "veil-reason": "no-job",
      "veil-from": "veil.bulk:0:7",
    });
  });
});
