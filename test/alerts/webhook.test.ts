import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { AlertMessage } from "../../src/alerts/alert.ts";
import { createWebhook, webhookSecretIn } from "../../src/alerts/webhook.ts";
import { Problem } from "../../src/errors.ts";
import { isPrivateAddress, resolveOutbound } from "../../src/outbound-address.ts";
import { makeCertificate } from "../fixtures/certificate.ts";
import { isGenuine, startWebhookReceiver } from "../fixtures/webhook-receiver.ts";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const never = new AbortController().signal;
const message: AlertMessage = {
  id: "msg_1",
  kind: "dead-letter",
  route: "folder",
  message: "Job 1",
  at: 1000,
  count: 2,
};
const certificate = await makeCertificate();
const folder = await mkdtemp(join(tmpdir(), "veil-webhook-"));
after(() => rm(folder, { recursive: true }));
const noOpenssl = certificate === undefined && "not run: OpenSSL is not installed";

const hook = (url: string, allowPrivate = true) => createWebhook({ url, secret, allowPrivate, timeoutMs: 5000 });
const refused = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Problem);
  assert.equal(error.code, code);
  assert.match(error.message, text);
  // Tokens of chat services stand in the path.
  assert.ok(!/s3cr3t/.test(`${error.message} ${error.remedy}`));
  return true;
};

describe("the webhook", () => {
  test("posts JSON that the receiver can verify, and nobody can change or replay under another id", async () => {
    await using receiver = await startWebhookReceiver();
    await hook(`http://127.0.0.1:${receiver.port}/s3cr3t?x=1`).send([message], never);
    const [posted, ...more] = receiver.hooks;
    assert.deepEqual([posted!.path, more], ["/s3cr3t?x=1", []]);
    assert.deepEqual(JSON.parse(posted!.body), {
      type: "veil.alert",
      timestamp: "1970-01-01T00:00:01.000Z",
      data: { kind: "dead-letter", route: "folder", message: "Job 1", count: 2 },
    });
    assert.equal(posted!.headers["webhook-id"], "msg_1");
    assert.ok(isGenuine(posted!, secret));
    assert.ok(!isGenuine({ ...posted!, body: posted!.body.replace("2", "3") }, secret));
    assert.ok(!isGenuine({ ...posted!, headers: { ...posted!.headers, "webhook-id": "msg_2" } }, secret));
    assert.ok(!isGenuine(posted!, `whsec_${Buffer.alloc(32, 8).toString("base64")}`));
  });

  test("takes a login out of the address, and tells it to the receiver alone", async () => {
    await using receiver = await startWebhookReceiver();
    await hook(`http://me:s3cr3t%2F@127.0.0.1:${receiver.port}/`).send([message], never);
    assert.equal(receiver.hooks[0]?.headers.authorization, `Basic ${Buffer.from("me:s3cr3t/").toString("base64")}`);
    receiver.answer = { status: 500 };
    const failing = hook(`http://me:s3cr3t@127.0.0.1:${receiver.port}/`).send([message], never);
    await assert.rejects(failing, refused("store-unavailable", /received 500$/));
  });

  test("waits for no end of an answer, which may have none", async () => {
    const ended = Promise.withResolvers<void>();
    const endless = createServer((_request, answer) => {
      const timer = setInterval(() => answer.write(Buffer.alloc(65_536)), 1);
      answer.once("close", () => {
        clearInterval(timer);
        ended.resolve();
      });
    }).listen(0, "127.0.0.1");
    await once(endless, "listening");
    await hook(`http://127.0.0.1:${(endless.address() as AddressInfo).port}/`).send([message], never);
    await ended.promise;
    endless.close();
  });

  test("follows no redirect, and counts anything but 2xx as not taken", async () => {
    await using elsewhere = await startWebhookReceiver();
    await using receiver = await startWebhookReceiver();
    for (const status of [301, 302, 307, 308, 400, 410, 500]) {
      receiver.answer = { status, headers: { location: `http://127.0.0.1:${elsewhere.port}/` } };
      const sending = hook(`http://127.0.0.1:${receiver.port}/s3cr3t`).send([message], never);
      await assert.rejects(sending, refused("store-unavailable", new RegExp(`received ${status}$`)));
    }
    assert.deepEqual(elsewhere.hooks, []);
  });

  test("goes to no address of this machine or a private network unless that is allowed", async () => {
    await using receiver = await startWebhookReceiver();
    for (const host of ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "10.1.2.3"]) {
      for (const scheme of ["http", "https"]) {
        const sending = hook(`${scheme}://${host}:${receiver.port}/s3cr3t`, false).send([message], never);
        await assert.rejects(sending, refused("invalid-config", /private network/), host);
      }
    }
    assert.deepEqual(receiver.hooks, []);
  });

  test("sends nothing in the clear to a stranger's machine", async () => {
    const sending = hook("http://8.8.8.8/s3cr3t").send([message], never);
    await assert.rejects(sending, refused("invalid-config", /Expected https/));
  });

  test("a receiver that is away is a problem without its path", async () => {
    const gone = await startWebhookReceiver();
    await gone[Symbol.asyncDispose]();
    const sending = hook(`http://127.0.0.1:${gone.port}/s3cr3t`).send([message], never);
    await assert.rejects(sending, refused("store-unavailable", /ECONNREFUSED/));
    const unknown = hook("https://veil.invalid/s3cr3t").send([message], never);
    await assert.rejects(unknown, refused("store-unavailable", /veil\.invalid has no address/));
  });

  test("believes a certificate that is trusted for the name, and no other", { skip: noOpenssl }, async () => {
    await using receiver = await startWebhookReceiver(certificate);
    const url = `https://localhost:${receiver.port}/s3cr3t`;
    await assert.rejects(hook(url).send([message], never), refused("store-unavailable", /DEPTH_ZERO_SELF_SIGNED_CERT/));
    const trusted = getCACertificates("default");
    setDefaultCACertificates([...trusted, certificate!.cert]);
    try {
      await hook(url).send([message], never);
      assert.ok(isGenuine(receiver.hooks[0]!, secret));
      // The same machine by a name that the certificate does not hold.
      const otherName = hook(`https://127.0.0.2:${receiver.port}/s3cr3t`).send([message], never);
      await assert.rejects(otherName, refused("store-unavailable", /ECONNREFUSED|ALTNAME/));
    } finally {
      setDefaultCACertificates(trusted);
    }
  });
});

test("private addresses are told from others", async () => {
  const own =
    "127.0.0.1 127.9.9.9 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 255.255.255.255 ::1 :: fe80::1 fc00::1 fd12::1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 2002:7f00:1:: ff02::1";
  for (const address of own.split(" ")) assert.ok(isPrivateAddress(address), address);
  for (const address of "1.1.1.1 172.32.0.1 172.15.0.1 192.169.0.1 100.128.0.1 2606:4700::1111 ::ffff:1.1.1.1".split(
    " ",
  ))
    assert.ok(!isPrivateAddress(address), address);
  const { address, family } = await resolveOutbound(new URL("http://[::1]/"), true, "");
  assert.deepEqual([address, family], ["::1", 6]);
});

test("the key is made once, for its owner alone, and a bad one is refused", async () => {
  const file = join(folder, "webhook.secret");
  const made = await webhookSecretIn(file);
  assert.match(made, /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal(await webhookSecretIn(file), made);
  assert.equal((await readFile(file, "utf8")).trim(), made);
  for (const text of ["", "password", "whsec_", "whsec_c2hvcnQ="]) {
    await writeFile(file, text);
    await assert.rejects(webhookSecretIn(file), { code: "invalid-config" }, text);
  }
});
