import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, SFTPWrapper } from "ssh2";
import { Problem } from "../errors.ts";
import { loadClient } from "./client.ts";
import { createHostCheck, readPrivateKey, type SftpSettings } from "./sftp-host.ts";
import { sftpFailure, sftpStatus } from "./sftp-problem.ts";

/** What ssh2 calls back. */
export type Answer<T> = (error?: Error | null, value?: T) => void;

/** One connection, with any number of requests on their way. */
export interface Link {
  /** Sends one request and waits for its answer; fails with an `sftpFailure`. */
  ask<T = void>(send: (sftp: SFTPWrapper, answer: Answer<T>) => void): Promise<T>;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly name: string;
  readonly settings: SftpSettings;
  readonly connectMs: number;
  /** How long the server may be silent while something is asked. */
  readonly idleMs: number;
  readonly onLost: () => void;
}

const closeMs = 1_000;

/** Connects and starts SFTP. Problems: `store-unavailable`, `store-denied`, `invalid-config`. */
export async function openLink({ name, settings, connectMs, idleMs, onLost }: LinkOptions): Promise<Link> {
  const { default: ssh2 } = await loadClient("sftp", "ssh2", () => import("ssh2"));
  const privateKey = await readPrivateKey(name, settings);
  const { host, port, username, password, passphrase } = settings;
  const hostCheck = createHostCheck(name, settings);
  const client: Client = new ssh2.Client();

  const waiting = new Set<(reason: Error) => void>();
  let lost: Error | undefined;
  let silence: NodeJS.Timeout | undefined;
  function listen(): void {
    clearTimeout(silence);
    if (waiting.size > 0) silence = setTimeout(() => lose(`the server was silent for ${idleMs} ms`), idleMs);
  }
  function lose(said: string): void {
    if (lost !== undefined) return;
    lost = sftpFailure("lost", said);
    clearTimeout(silence);
    client.end();
    onLost();
    for (const fail of waiting) fail(lost);
    waiting.clear();
    // A server that does not answer does not hang up either.
    setTimeout(() => client.destroy(), closeMs).unref();
  }

  const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
    const deadline = setTimeout(() => client.emit("error", new Error(`no answer within ${connectMs} ms`)), connectMs);
    client.once("ready", () => {
      client.sftp((error, wrapper) => {
        if (error) return void client.emit("error", new Error(`it offers no SFTP (${error.message})`));
        clearTimeout(deadline);
        resolve(wrapper);
      });
    });
    client.on("error", (error) => {
      clearTimeout(deadline);
      reject(hostCheck.problem() ?? connectProblem(name, settings, error));
      lose(error.message);
    });
    client.on("close", () => client.emit("error", new Error("the server closed the connection")));
    // Servers that ask for the password by a dialogue, as PAM does.
    client.on("keyboard-interactive", (_name, _text, _language, prompts, finish) => {
      finish(password !== undefined && prompts.length === 1 && prompts[0]?.echo !== true ? [password] : []);
    });
    const credentials = {
      ...(password === undefined ? {} : { password, tryKeyboard: true }),
      ...(privateKey === undefined ? {} : { privateKey }),
      ...(passphrase === undefined ? {} : { passphrase }),
    };
    const alive = { keepaliveInterval: Math.ceil(idleMs / 3), keepaliveCountMax: 3, readyTimeout: 0 };
    try {
      client.connect({ host, port, username, ...credentials, ...alive, hostVerifier: hostCheck.verify });
      // Small requests would wait for the answers to others, 40 ms each.
      client.setNoDelay(true);
    } catch (error) {
      clearTimeout(deadline);
      // Its words name the fault (no key, wrong passphrase), never the key.
      reject(new Problem("invalid-config", `${name}: ${(error as Error).message}`, { cause: error }));
    }
  });
  for (const event of ["close", "end"]) sftp.on(event, () => lose("the server ended SFTP"));
  sftp.on("error", (error: Error) => lose(error.message));

  return {
    ask<T>(send: (sftp: SFTPWrapper, answer: Answer<T>) => void): Promise<T> {
      return new Promise((resolve, reject) => {
        if (lost !== undefined) return reject(lost);
        waiting.add(reject);
        // Others that wait have begun to listen before.
        if (waiting.size === 1) listen();
        const answer: Answer<T> = (error, value) => {
          if (!waiting.delete(reject)) return;
          listen();
          if (error) reject(failureOf(error));
          else resolve(value as T);
        };
        try {
          send(sftp, answer);
        } catch (error) {
          const isOffered = !/does not support/.test((error as Error).message);
          answer(Object.assign(error as Error, isOffered ? {} : { code: sftpStatus.unsupported }));
        }
      });
    },

    async close() {
      const closed = once(client, "close").catch(() => {});
      lose("the store was closed");
      await Promise.race([closed, sleep(closeMs, undefined, { ref: false })]);
      client.destroy();
    },
  };
}

function failureOf(error: Error): Error {
  const status = "code" in error && typeof error.code === "number" ? error.code : "lost";
  return sftpFailure(status, error.message);
}

function connectProblem(name: string, { host, port, username }: SftpSettings, error: Error): Problem {
  if ("level" in error && error.level === "client-authentication") {
    return new Problem("store-denied", `The server ${host}:${port} of ${name} does not let ${username} in`, {
      remedy: "Check username, password or privateKey, and that the account may use SFTP.",
      cause: error,
    });
  }
  return new Problem("store-unavailable", `Cannot connect to ${host}:${port} for ${name}: ${error.message}`, {
    remedy: "Check that the server runs, and host and port.",
    cause: error,
  });
}
