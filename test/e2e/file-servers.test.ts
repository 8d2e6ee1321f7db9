import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFile, chmod, mkdir, readdir, readFile, rename, rm, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import sharp from "sharp";
import { startVsftpd, withoutVsftpd } from "../fixtures/ftp-server.ts";
import { startSshd, withoutSshd } from "../fixtures/ssh-server.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { startWebdav, withoutWebdav } from "../fixtures/webdav-server.ts";
import { startProgram, temporaryDataDir, until } from "./program.ts";

/** A server with a folder that others write to, and how veil is told of it. */
interface Server extends AsyncDisposable {
  readonly folder: string;
  /** Lines of `stores: {files: …}`. */
  readonly settings: Readonly<Record<string, unknown>>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

const kinds: Readonly<Record<string, { readonly skip: string | false; open(): Promise<Server> }>> = {
  SFTP: {
    skip: withoutSshd(),
    async open() {
      const server = await startSshd();
      const { port, username, privateKey, fingerprint, data } = server;
      const settings = {
        kind: "sftp",
        host: "127.0.0.1",
        port,
        username,
        privateKey,
        hostKey: fingerprint,
        root: data,
      };
      return { ...server, folder: data, settings };
    },
  },
  FTPS: {
    skip: withoutVsftpd(),
    async open() {
      const server = await startVsftpd("explicit");
      const { port, username, password, caFile, data } = server;
      const settings = { kind: "ftp", host: "127.0.0.1", port, username, password, caFile, root: data };
      return { ...server, folder: data, settings };
    },
  },
  WebDAV: {
    skip: withoutWebdav(),
    async open() {
      const server = await startWebdav();
      const settings = { kind: "webdav", url: server.url, username: "dav", password: "secret" };
      return { ...server, folder: server.exported, settings };
    },
  },
};

const image = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
let portrait: Buffer;
before(async () => {
  portrait = await sharp(image).resize(256).jpeg().toBuffer();
});

for (const [name, { skip, open }] of Object.entries(kinds)) {
  describe(`from folder to folder of a server over ${name}`, { skip }, () => {
    test("pictures are masked once they are whole, newer ones replace, deleted ones take their results along", async () => {
      await using server = await open();
      const raw = join(server.folder, "raw");
      const masked = join(server.folder, "masked");
      for (const folder of [raw, masked]) {
        await mkdir(folder);
        await chmod(folder, 0o777);
        // The server may work as somebody else.
        const { uid, gid } = await stat(server.folder);
        await promisify(execFile)("chown", [`${uid}:${gid}`, folder]);
      }
      const dataDir = await temporaryDataDir();
      const route = {
        from: "store:files/raw",
        to: "store:files/masked",
        pollMs: 500,
        removed: "remove",
        mostRemoved: 1,
      };
      const yaml = JSON.stringify({ stores: { files: server.settings }, routes: { wards: route } });
      await writeFile(join(dataDir, "veil.yaml"), yaml);
      const checked = await veilCommand(dataDir, "doctor");
      assert.match(checked.out, /✓ Stores +store:files\/raw, store:files\/masked/);
      const flags = ["--set", "cache.driver=none", "--set", "folder.settleMs=300", "--set", "jobs.retryDelayMs=200"];
      const veil = await startProgram({ dataDir, flags });
      try {
        const output = (key: string) => readFile(join(masked, key)).catch(() => undefined);

        // One that is still being written is left alone.
        await writeFile(join(raw, "slow.jpg"), portrait.subarray(0, 5000));
        await writeFile(join(raw, "früh 100%+.jpg"), portrait);
        await until("the whole one", () => output("früh 100%+.jpg"));
        assert.equal(await output("slow.jpg"), undefined);
        await appendFile(join(raw, "slow.jpg"), portrait.subarray(5000));
        const result = await until("the other one", () => output("slow.jpg"));
        assert.equal((await sharp(result).metadata()).width, 256);
        assert.ok(!result.equals(portrait));

        const newer = await sharp(image).resize(200).jpeg().toBuffer();
        await sleep(1100); // times in whole seconds
        await writeFile(join(raw, ".new"), newer);
        await rename(join(raw, ".new"), join(raw, "slow.jpg"));
        await until("the newer one", async () => {
          const found = await output("slow.jpg");
          return found !== undefined && (await sharp(found).metadata()).width === 200;
        });

        await server.kill();
        await writeFile(join(raw, "while away.jpg"), portrait);
        await unlink(join(raw, "früh 100%+.jpg"));
        await until("the route is broken", async () => {
          const answer = await fetch(`${veil.address}/api/v1/status`);
          const { routes } = (await answer.json()) as { routes: { name: string; problem: object | null }[] };
          return routes.find((one) => one.name === "wards")?.problem !== null;
        });
        await server.start();
        await until("what came meanwhile", () => output("while away.jpg"));
        await until("what went meanwhile", async () => (await output("früh 100%+.jpg")) === undefined);
        assert.deepEqual((await readdir(masked)).sort(), ["slow.jpg", "while away.jpg"]);
        assert.equal(await veil.stop(), 0);
        const secrets = [server.settings.password].filter((one) => typeof one === "string");
        for (const secret of secrets) assert.ok(!veil.log().includes(secret));
      } finally {
        await veil[Symbol.asyncDispose]();
        await rm(dataDir, { recursive: true, force: true });
      }
    });
  });
}
