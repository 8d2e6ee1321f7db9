import { createHmac, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { Problem } from "../errors.ts";
import { isPrivateAddress, resolveOutbound } from "../outbound-address.ts";
import type { AlertChannel, AlertMessage } from "./alert.ts";

export interface WebhookOptions {
  /** https; http only to a private address, where those are allowed. */
  readonly url: string;
  /** `whsec_` and base64. */
  readonly secret: string;
  readonly allowPrivate: boolean;
  readonly timeoutMs?: number;
}

const privateRemedy = "If it is the right one, set alerts.webhook.allowPrivate to true.";
const secretPattern = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/** Posts each message as JSON, signed as Standard Webhooks has it. Follows no redirect, and tells no path in errors. */
export function createWebhook({ url, secret, allowPrivate, timeoutMs = 15_000 }: WebhookOptions): AlertChannel {
  const target = new URL(url);
  return {
    name: "webhook",
    digestMs: 0,
    async send(messages, signal) {
      for (const message of messages) {
        const body = JSON.stringify(bodyOf(message));
        const seconds = Math.floor(Date.now() / 1000);
        await post(
          body,
          {
            "webhook-id": message.id,
            "webhook-timestamp": String(seconds),
            "webhook-signature": signature(secret, message.id, seconds, body),
          },
          signal,
        );
      }
    },
  };

  async function post(body: string, headers: Record<string, string>, signal: AbortSignal): Promise<void> {
    const { address, family } = await resolveOutbound(target, allowPrivate, privateRemedy);
    const isPlain = target.protocol === "http:";
    if (isPlain && !isPrivateAddress(address)) {
      throw new Problem("invalid-config", `Expected https for the webhook at ${target.hostname}`);
    }
    const options: RequestOptions = {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        "user-agent": "veil",
      },
      // The address that was checked, whatever the name's server says now; the certificate is still the name's.
      lookup: (_host, { all }, done) => (all ? done(null, [{ address, family }]) : done(null, address, family)),
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    };
    const status = await new Promise<number>((resolve, reject) => {
      const sent = (isPlain ? httpRequest : httpsRequest)(target, options, (answer) => {
        // Nothing in the answer matters, and it may be endless.
        answer.destroy();
        resolve(answer.statusCode ?? 0);
      });
      sent.once("error", (cause: NodeJS.ErrnoException) => {
        reject(
          new Problem("store-unavailable", `${target.host} was not reached (${cause.code ?? cause.name})`, { cause }),
        );
      });
      sent.end(body);
    });
    if (status < 200 || status >= 300) {
      throw new Problem("store-unavailable", `Expected 2xx of ${target.host} but received ${status}`);
    }
  }
}

/** `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`: standardwebhooks.com. */
function signature(secret: string, id: string, seconds: number, body: string): string {
  const key = Buffer.from(secretPattern.exec(secret)?.[1] ?? "", "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")}`;
}

/** The key that messages are signed with; a file that is not there is made. Problems: invalid-config. */
export async function webhookSecretIn(file: string): Promise<string> {
  try {
    await writeFile(file, `whsec_${randomBytes(32).toString("base64")}\n`, { flag: "wx", mode: 0o600, flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const secret = (await readFile(file, "utf8")).trim();
  if (Buffer.from(secretPattern.exec(secret)?.[1] ?? "", "base64").length >= 24) return secret;
  throw new Problem("invalid-config", `Expected whsec_ and base64 of at least 24 bytes in ${file}`, {
    remedy: "Remove the file, and veil makes a good one at its next start.",
  });
}

function bodyOf({ kind, route, message, count, at, summary }: AlertMessage): object {
  const timestamp = new Date(at).toISOString();
  const data = { kind, route: route ?? null, message, count };
  if (summary === undefined) return { type: "veil.alert", timestamp, data };
  const routes = summary.map(({ oldestWaitingAt, ...row }) => ({
    ...row,
    oldest_waiting_at: oldestWaitingAt === undefined ? null : new Date(oldestWaitingAt).toISOString(),
  }));
  return { type: "veil.summary", timestamp, data: { ...data, routes } };
}
