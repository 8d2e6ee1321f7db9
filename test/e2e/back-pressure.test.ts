import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import sharp from "sharp";
import type { JobsResponse, ProblemBody } from "../../src/http/schema.ts";
import type { Status } from "../../src/http/status-schema.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { assertProblem, form, portraitJpeg, startClient } from "../http/client.ts";
import { until } from "./program.ts";

const run = promisify(execFile);
const set = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings).flatMap(([path, value]) => ["--set", `${path}=${value}`]);

describe("back-pressure", () => {
  test("an upload beyond the spool's quota is refused while it comes in, and the next small one is taken", async () => {
    await using veil = await startClient({ flags: set({ "limits.spoolMb": "8", "limits.reserveMb": "0" }) });
    const portrait = await portraitJpeg();
    const [spool] = await readdir(join(veil.dataDir, "spool"));
    const other = join(veil.dataDir, "spool", spool!, "other");
    await writeFile(other, Buffer.alloc(5 * 2 ** 20));
    await until(
      "it is seen",
      async () => ((await (await veil.get("/api/v1/status")).json()) as Status).room.share > 0.5,
    );
    const large = Buffer.concat([portrait, Buffer.alloc(6 * 2 ** 20)]);
    const larger = Buffer.concat([large, large]);
    for (const path of ["/api/v1/anonymize", "/api/v1/jobs"]) {
      const answer = await veil.post(path, form("image", [large]));
      assert.equal(answer.headers.get("retry-after"), "30");
      await assertProblem(answer, 503, "no-room");
      assert.deepEqual(await veil.spoolFiles(), ["other"]);
      // Of one that is larger than all of it nothing is gained by coming again.
      for (const files of [[larger], [large, large]]) {
        const never = await veil.post(path, form("image", files));
        assert.equal(never.headers.get("retry-after"), null);
        assert.match((await assertProblem(never, 413, "too-large")).remedy ?? "", /limits\.spoolMb/);
      }
    }
    await rm(other);
    const taken = await until("there is room again", async () => {
      const answer = await veil.post("/api/v1/anonymize", form("image", [portrait]));
      return answer.status === 200 && answer;
    });
    await taken.arrayBuffer();
  });

  test("on a disk that gets full it alerts, then takes nothing, and goes on by itself when there is room", async (context) => {
    await using folder = await temporaryFolder();
    const dataDir = join(folder.path, "disk");
    await mkdir(dataDir);
    try {
      await run("mount", ["-t", "tmpfs", "-o", "size=160m", "none", dataDir]);
    } catch (error) {
      return context.skip(`not run: no right to mount here (${(error as Error).message.trim()})`);
    }
    try {
      const quick = { "folder.settleMs": "50", "folder.reconcileMs": "1000", "policy.profile": "fast" };
      await using veil = await startClient({ dataDir, flags: set({ "limits.reserveMb": "40", ...quick }) });
      const portrait = await sharp(await portraitJpeg())
        .resize(300)
        .jpeg()
        .toBuffer();
      const states = async () => (await (await veil.get("/api/v1/jobs?route=folder")).json()) as JobsResponse;
      const drop = (key: string) => writeFile(join(dataDir, "input_photos", key), portrait);
      await drop("before.jpg");
      await until("work goes on", async () => (await states()).counts.done === 1);

      await writeFile(join(dataDir, "tight"), Buffer.alloc(90 * 2 ** 20));
      await until("it is told before it is full", async () => /Room runs out/.test(veil.log()));
      assert.equal((await veil.post("/api/v1/anonymize", form("image", [portrait]))).status, 200);

      await writeFile(join(dataDir, "full"), Buffer.alloc(35 * 2 ** 20));
      const refused = await until("uploads are refused", async () => {
        const answer = await veil.post("/api/v1/jobs", form("image", [portrait]));
        return answer.status === 503 && ((await answer.json()) as ProblemBody);
      });
      assert.equal(refused.code, "no-room");
      assert.ok(!refused.detail.includes(dataDir), "an answer tells no path");
      assert.equal(((await (await veil.get("/api/v1/status")).json()) as Status).room.share, 1);
      await drop("during.jpg");
      await sleep(4000);
      const { jobs } = await states();
      assert.ok(!jobs.some(({ input, state }) => input.key === "during.jpg" && state !== "admitted"), "nothing began");
      assert.deepEqual(await readdir(join(dataDir, "output_anonymous")), ["before.jpg"]);

      await rm(join(dataDir, "full"));
      await until("it goes on by itself", async () => (await states()).counts.done === 2);
      const answer = await veil.post("/api/v1/anonymize", form("image", [portrait]));
      assert.equal(answer.status, 200);
      assert.equal(veil.log().match(/Room runs out/g)?.length, 1);
      assert.equal(veil.log().match(/No new work is taken/g)?.length, 1);
      await veil.stop();
    } finally {
      await run("umount", [dataDir]);
    }
  });
});
