import { readFile } from "node:fs/promises";
import type { Transporter } from "nodemailer";
import { Problem } from "../errors.ts";
import type { AlertChannel, AlertMessage } from "./alert.ts";

export const mailSecurities = ["starttls", "tls", "none"] as const;

export interface MailOptions {
  readonly host: string;
  readonly port: number;
  /** starttls: refused where the server has none. none: for a relay on this machine. */
  readonly security: (typeof mailSecurities)[number];
  readonly user?: string | undefined;
  /** Read anew for each mail. */
  readonly passwordFile?: string | undefined;
  readonly from: string;
  /** Comma-separated. */
  readonly to: string;
  /** Least time between two mails. */
  readonly digestMs: number;
  readonly timeoutMs?: number;
}

/** Mails all that waits as one digest through SMTP. */
export function createMail(options: MailOptions): AlertChannel {
  const { host, port, security, from, to, digestMs } = options;
  return {
    name: "mail",
    digestMs,
    async send(messages, signal) {
      signal.throwIfAborted();
      const transport = await connect(options);
      const stop = () => transport.close();
      signal.addEventListener("abort", stop);
      try {
        await transport.sendMail({ from, to, subject: subjectOf(messages), text: textOf(messages) });
      } catch (error) {
        const { code, responseCode } = error as { code?: string; responseCode?: number };
        const what = responseCode === undefined ? code : `${code}, ${responseCode}`;
        // What the server says may quote addresses and more.
        throw new Problem(
          "store-unavailable",
          `The mail server ${host}:${port} (${security}) did not take it (${what})`,
        );
      } finally {
        signal.removeEventListener("abort", stop);
        transport.close();
      }
    },
  };
}

async function connect(options: MailOptions): Promise<Transporter> {
  const { host, port, security, user, passwordFile, timeoutMs = 15_000 } = options;
  const { createTransport } = await import("nodemailer");
  const pass = passwordFile === undefined ? "" : (await readPassword(passwordFile)).trim();
  return createTransport({
    ...{ host, port },
    ...{ secure: security === "tls", requireTLS: security === "starttls", ignoreTLS: security === "none" },
    ...(user !== undefined && { auth: { user, pass } }),
    ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
    // Neither files nor addresses of a message are ever fetched.
    ...{ disableFileAccess: true, disableUrlAccess: true },
  });
}

function readPassword(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new Problem("invalid-config", `The password file of the mail server can't be read (${cause.code})`, {
      cause,
    });
  });
}

function subjectOf(messages: readonly AlertMessage[]): string {
  const [first] = messages;
  const alerts = messages.reduce((sum, { count }) => sum + count, 0);
  if (messages.length > 1) return `veil: ${alerts} alerts`;
  if (first!.summary !== undefined) return "veil: daily summary";
  const where = first!.route === undefined ? "" : ` on ${first!.route}`;
  return `veil: ${first!.kind}${where}${first!.count > 1 ? ` (${first!.count})` : ""}`;
}

function textOf(messages: readonly AlertMessage[]): string {
  const inOrder = messages.toSorted((a, b) => a.at - b.at);
  const lines = inOrder.map(({ at, kind, route, count, message }) => {
    const times = count > 1 ? ` ${count} times, the last:` : "";
    return `${new Date(at).toISOString()}  ${kind}${route === undefined ? "" : ` (${route})`}${times}\n${message}\n`;
  });
  return `${lines.join("\n")}\nveil jobs stats and the page show more.\n`;
}
