import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { AlertMessage } from "../../src/alerts/alert.ts";
import { createMail, type MailOptions } from "../../src/alerts/mail.ts";
import { makeCertificate } from "../fixtures/certificate.ts";
import { startSmtpReceiver } from "../fixtures/smtp-receiver.ts";

const never = new AbortController().signal;
const certificate = await makeCertificate();
const skip = certificate === undefined && "not run: OpenSSL is not installed";
const folder = await mkdtemp(join(tmpdir(), "veil-mail-"));
after(() => rm(folder, { recursive: true }));

const mailTo = (port: number, options: Partial<MailOptions> = {}) =>
  createMail({
    ...{ host: "localhost", port, security: "starttls", from: "veil@example.org", digestMs: 1000, timeoutMs: 5000 },
    ...{ to: "it@example.org, night@example.org" },
    ...options,
  });
const alert = (id: string, rest: Partial<AlertMessage> = {}): AlertMessage => ({
  ...{ id, kind: "dead-letter", route: "folder", message: `Job ${id} is a dead letter`, at: 1000, count: 1, ...rest },
});

describe("mail", () => {
  test("takes all that waits in one mail, in the clear only where that was asked for", async () => {
    await using receiver = await startSmtpReceiver();
    const messages = [alert("b", { at: 2000, count: 999 }), alert("a"), alert("c", { kind: "room", at: 3000 })];
    await mailTo(receiver.port, { security: "none" }).send(messages, never);
    const [mail, ...more] = receiver.mails;
    assert.deepEqual([mail!.from, mail!.to, more], ["veil@example.org", ["it@example.org", "night@example.org"], []]);
    assert.match(mail!.text, /^Subject: veil: 1001 alerts\r$/m);
    const order = ["Job a is", "999 times, the last:", "Job b is", "room", "Job c is"];
    const places = order.map((text) => mail!.text.replaceAll("=\r\n", "").indexOf(text));
    assert.deepEqual(
      places,
      places.toSorted((x, y) => x - y),
    );
    assert.ok(
      places.every((place) => place > 0),
      `${places}`,
    );
    // Without STARTTLS at the server an encrypted way is refused, not given up.
    await assert.rejects(mailTo(receiver.port).send(messages, never), { code: "store-unavailable" });
    assert.equal(receiver.mails.length, 1);
  });

  test("logs in over STARTTLS, with a certificate that is trusted and no other", { skip }, async () => {
    await using receiver = await startSmtpReceiver({ certificate: certificate! });
    const passwordFile = join(folder, "password");
    await writeFile(passwordFile, "open sesame\n");
    const mail = mailTo(receiver.port, { user: "veil", passwordFile });
    await assert.rejects(mail.send([alert("a")], never), { code: "store-unavailable" });
    assert.equal(receiver.mails.length, 0);
    const trusted = getCACertificates("default");
    setDefaultCACertificates([...trusted, certificate!.cert]);
    try {
      await mail.send([alert("a")], never);
    } finally {
      setDefaultCACertificates(trusted);
    }
    const [taken] = receiver.mails;
    assert.deepEqual([taken!.isEncrypted, taken!.login], [true, "veil open sesame"]);
    assert.match(taken!.text, /^Subject: veil: dead-letter on folder\r$/m);
  });

  test("says why a server did not take it, without what the server said", async () => {
    await using receiver = await startSmtpReceiver();
    receiver.refuse = 1;
    const mail = mailTo(receiver.port, { security: "none" });
    await assert.rejects(mail.send([alert("a")], never), (error: Error) => {
      assert.match(error.message, /^The mail server localhost:\d+ \(none\) did not take it \(EENVELOPE, 451\)$/);
      return true;
    });
    await mail.send([alert("a")], never);
    const missing = mailTo(receiver.port, { user: "veil", passwordFile: join(folder, "gone") });
    await assert.rejects(missing.send([alert("a")], never), { code: "invalid-config" });
  });
});
