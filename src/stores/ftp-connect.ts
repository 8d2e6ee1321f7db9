import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { Client, FileInfo, FTPResponse } from "basic-ftp";
import { Problem } from "../errors.ts";
import { loadClient } from "./client.ts";
import { ftpFailure, statusOf } from "./ftp-problem.ts";

export interface FtpSettings {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly tls: "explicit" | "implicit" | "none";
  /** A file with the certificates that may sign the server's; absent: the system's. */
  readonly caFile?: string;
  /** A path on the server; one that does not begin with a slash begins at the account's own folder. */
  readonly root: string;
  /** Most at once. */
  readonly connections: number;
}

/** One control connection, for one command or transfer at a time. */
export interface Connection {
  readonly client: Client;
  /** How long the server may be silent. */
  readonly idleMs: number;
  /** What it offers, by the command's name. */
  readonly features: ReadonlyMap<string, string>;
  /** The folder that it begins in. */
  readonly home: string;
  /** Sends a command; the reply may be a refusal. Fails only where the connection does. */
  send(command: string): Promise<FTPResponse>;
  /** What the current folder holds; `unread` are lines that say nothing. */
  list(): Promise<{ readonly entries: readonly FileInfo[]; readonly unread: readonly string[] }>;
}

export interface ConnectOptions {
  readonly name: string;
  readonly settings: FtpSettings;
  readonly connectMs: number;
  readonly idleMs: number;
}

/** Connects and logs in. Problems: `store-unavailable`, `store-denied`, `invalid-config`. */
export async function openConnection(options: ConnectOptions): Promise<Connection> {
  const { name, settings, connectMs, idleMs } = options;
  const ftp = await loadClient("ftp", "basic-ftp", () => import("basic-ftp"));
  const secure = await secureOptions(name, settings);
  const client = new ftp.Client(idleMs);
  const deadline = Promise.withResolvers<never>();
  const late = () => deadline.reject(unavailable(options, `no answer within ${connectMs} ms`));
  const timer = setTimeout(late, connectMs);
  try {
    return await Promise.race([logIn(client, options, secure), deadline.promise]);
  } catch (error) {
    client.close();
    throw error instanceof Problem ? error : unavailable(options, wordsOf(error), error);
  } finally {
    clearTimeout(timer);
  }
}

async function logIn(client: Client, options: ConnectOptions, secure: ConnectionOptions): Promise<Connection> {
  const { name, settings, idleMs } = options;
  const { host, port, username, password, tls } = settings;
  if (tls === "implicit") await client.connectImplicitTLS(host, port, secure);
  else await client.connect(host, port);
  if (tls === "explicit") {
    // biome-ignore lint/correctness/useHookAtTopLevel: the client's name for it, no hook of React
    await client.useTLS(secure).catch((error: unknown) => {
      if (replyOf(error) === undefined) throw error;
      throw unavailable(options, `it offers no TLS (${wordsOf(error)})`, error);
    });
  }
  // Before the login too: the user's name may need it.
  await client.sendIgnoringError("OPTS UTF8 ON");
  await client.login(username, password).catch((error: unknown) => {
    const reply = replyOf(error);
    if (reply === undefined || reply < 500) throw error;
    throw new Problem(
      "store-denied",
      `The server ${host}:${port} of ${name} does not let ${username} in: ${wordsOf(error)}`,
      { remedy: "Check username, password and tls, and that the account may log in by FTP.", cause: error },
    );
  });
  // biome-ignore lint/correctness/useHookAtTopLevel: as above
  await client.useDefaultSettings();
  const features = await client.features();
  const home = await client.pwd();
  const parse = client.parseList;
  let unread: string[] = [];
  // Line by line: the client chooses one form for all by the last line, which anybody may have named a file like.
  client.parseList = (text) =>
    text.split(/\r?\n/).flatMap((line) => {
      try {
        return parse(line);
      } catch {
        unread.push(line);
        return [];
      }
    });

  const send = async (command: string) => {
    // Both are a new command to the server.
    if (/[\r\n\0]/.test(command)) throw new Problem("invalid-request", "Expected a name without line breaks");
    return await lostOr(client.sendIgnoringError(command));
  };
  return {
    client,
    idleMs,
    features: new Map(Array.from(features, ([key, value]) => [key.toUpperCase(), value])),
    home,
    send,
    async list() {
      unread = [];
      const entries = await lostOr(client.list());
      return { entries, unread };
    },
  };
}

/** Whatever the client throws, as an `ftpFailure`. */
export async function lostOr<T>(asked: Promise<T>): Promise<T> {
  return await asked.catch((error: unknown) => {
    throw failureOf(error);
  });
}

/** What the client threw, as an `ftpFailure`. */
export function failureOf(error: unknown): unknown {
  if (error instanceof Problem || statusOf(error) !== undefined) return error;
  return ftpFailure(replyOf(error) ?? "lost", wordsOf(error));
}

async function secureOptions(name: string, { host, tls, caFile }: FtpSettings): Promise<ConnectionOptions> {
  if (tls === "none") return {};
  const servername = isIP(host) === 0 ? { servername: host } : {};
  if (caFile === undefined) return { host, ...servername };
  const ca = await readFile(caFile).catch((error: NodeJS.ErrnoException) => {
    throw new Problem("invalid-config", `Cannot read the certificates ${caFile} of ${name}: ${error.code}`, {
      cause: error,
    });
  });
  return { host, ...servername, ca };
}

/** The number of a reply that refused something; undefined for a lost connection. */
export function replyOf(error: unknown): number | undefined {
  const isReply = error instanceof Error && error.name === "FTPError" && "code" in error;
  return isReply ? (error.code as number) : undefined;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /certificate|altname|self.signed/i,
    "Set caFile to the certificate of the authority that signed the server's, and host to a name in it.",
  ],
  [/no TLS/, "Set tls to implicit if it speaks TLS from the start; none sends password and pictures in the clear."],
  [/ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|no answer|closed|Timeout/, "Check that the server runs, and host and port."],
  [/^421|too many/i, "Set connections to what the server lets one account have, at least 2."],
];

function unavailable({ name, settings }: ConnectOptions, said: string, cause?: unknown): Problem {
  const { host, port, tls } = settings;
  const remedy = remedies.find(([pattern]) => pattern.test(said))?.[1];
  return new Problem("store-unavailable", `Cannot connect to ${host}:${port} (tls: ${tls}) for ${name}: ${said}`, {
    ...(remedy === undefined ? {} : { remedy }),
    cause,
  });
}
