import { createHmac, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { Problem } from "../errors.ts";
import { createOutbound } from "../outbound.ts";
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
  const login = takeLogin(target);
  const privateHosts = allowPrivate ? [target.hostname] : [];
  const send = createOutbound({ privateHosts, remedy: privateRemedy, timeoutMs });
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
    const answer = await send(target, {
      ...{ method: "POST", body, signal },
      headers: { ...headers, ...login, "content-type": "application/json", "user-agent": "veil" },
    });
    // Nothing in it matters, and it may be endless.
    await answer.body?.cancel();
    if (!answer.ok) {
      throw new Problem("store-unavailable", `Expected 2xx of ${target.host} but received ${answer.status}`);
    }
  }
}

/** Takes name and password out of the address, and answers them as a header. */
function takeLogin(target: URL): Record<string, string> {
  const login = [target.username, target.password].map(decodeURIComponent).join(":");
  Object.assign(target, { username: "", password: "" });
  return login === ":" ? {} : { authorization: `Basic ${Buffer.from(login).toString("base64")}` };
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
