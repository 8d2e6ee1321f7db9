import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadConfig } from "../../src/config.ts";
import { faultsOf } from "./faults.ts";

const cwd = "/somewhere";
const load = (set: readonly string[]) => loadConfig({ flags: { set: [...set] }, env: {}, cwd });

describe("roles", () => {
  const shared = ["queue.driver=rabbitmq", "queue.url=amqp://h", "ledger.driver=postgres", "ledger.url=postgres://h/v"];
  const every = [...shared, "jobs.folder=/mnt/uploads"];
  const without = (setting: string) => every.filter((one) => !one.startsWith(setting));

  test("that leave work to other processes need what these share, and say what is missing", () => {
    for (const [roles, set, missing] of [
      ["worker", [], "queue.driver rabbitmq or kafka and ledger.driver postgres and jobs.folder, where"],
      ["api", without("queue"), "queue.driver rabbitmq or kafka"],
      ["sources", without("ledger"), "ledger.driver postgres"],
      ["api,sources", without("ledger"), "ledger.driver postgres"],
      ["worker", without("jobs"), "jobs.folder, where all processes reach it"],
      ["api", without("jobs"), "jobs.folder, where all processes reach it"],
    ] as const) {
      const found = faultsOf({ cwd, flags: { set: [...set, `roles=${roles}`] } });
      assert.equal(found.length, 1, `${found}`);
      const whose = roles === "worker" ? "jobs come from" : "jobs are worked by";
      assert.ok(
        found[0]!.startsWith(`roles (--set): ${whose} other processes with "${roles}", which needs ${missing}`),
      );
    }
    for (const roles of ["api", "sources", "worker", "api, sources"])
      assert.equal(load([...every, `roles=${roles}`]).roles, roles);
    assert.equal(load([...shared, "roles=sources"]).roles, "sources");
  });

  test("that work what they take need nothing else", () => {
    for (const roles of ["api,sources,worker", "worker,sources", "worker,api"])
      assert.equal(load([`roles=${roles}`]).roles, roles);
  });
});
