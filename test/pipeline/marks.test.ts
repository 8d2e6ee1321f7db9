import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createMarks } from "../../src/pipeline/marks.ts";
import { streamOf } from "../../src/pipeline/spool.ts";
import { makeCandidate } from "../contracts/jobs.ts";
import { openWorkshop, startWorker, type Workshop } from "./running-worker.ts";

let workshop: Workshop;
before(async () => {
  workshop = await openWorkshop();
});
after(() => workshop[Symbol.asyncDispose]());

describe("marks that results carry", () => {
  test("name the job, its policy, and every route on the way", () => {
    const marks = createMarks("key");
    const job = (route: string) => ({ ...makeCandidate({ key: "a.jpg" }).job, route, generation: 1 });
    const first = marks.metadataOf(job("wards"), undefined);
    assert.equal(first["veil-job"], job("wards").id);
    assert.match(first["veil-policy"] ?? "", /^[0-9a-f]{16}$/);
    assert.ok(marks.hasPassed("wards", first));
    assert.ok(!marks.hasPassed("public", first));
    const second = marks.metadataOf(job("public"), first);
    assert.ok(marks.hasPassed("wards", second) && marks.hasPassed("public", second));
    assert.ok(!createMarks("another").hasPassed("wards", second));
    assert.ok(!marks.hasPassed("wards", {}) && !marks.hasPassed("wards", { "veil-via": "wards,," }));
    let many = second;
    for (let hop = 0; hop < 200; hop += 1) many = marks.metadataOf(job(`r${hop}`), many);
    assert.ok(Object.entries(many).join("").length < 2000);
  });

  test("keep a route from taking its own result, whatever way that came back; another route takes it", async () => {
    await using work = await startWorker(workshop);
    const { last } = await work.settled(await work.take("a.jpg", workshop.portrait), "done");
    const { info } = await work.masked.get("a.jpg").then(({ info: its, stream }) => {
      stream.destroy();
      return { info: its };
    });
    assert.ok(info.metadata?.["veil-job"]);
    const result = await work.bytesOf(work.masked, "a.jpg");
    assert.equal(result.length, last.output?.size);
    const about = { contentType: "image/jpeg", metadata: info.metadata! };
    const { version } = await work.photos.put("masked/a.jpg", streamOf(result), about);
    const again = await work.admit("masked/a.jpg", version);
    const { last: seen } = await work.settled(again, "skipped");
    assert.equal(seen.recognised, "a result of this route");
    assert.equal(await work.masked.head("masked/a.jpg"), undefined);
    // Without the marks it is a picture like any other.
    await work.settled(await work.take("copy/a.jpg", result), "done");
  });
});
