import type { Channel } from "rabbitmq-client";
import { Problem } from "../errors.ts";
import { isStanding, rabbitProblem } from "./rabbitmq-problem.ts";

export interface RabbitLinkOptions {
  /** `amqp://` or `amqps://`, with user, password and virtual host. */
  readonly url: string;
  /** Certificate authorities in PEM that a server's certificate must come from; absent: those of the system. */
  readonly ca?: string | undefined;
  readonly heartbeatMs: number;
  /** How long to wait for a connection. */
  readonly waitMs: number;
  /** Shown in the broker's list of connections. */
  readonly name: string;
  /** Told when the connection or a channel is lost. */
  readonly onProblem: (problem: Problem) => void;
}

/** One connection that comes back by itself. */
export interface RabbitLink {
  /** Host and port, for messages. */
  readonly address: string;
  /** A fresh channel; waits for the connection, and rejects with a Problem. */
  channel(): Promise<Channel>;
  /** Closes every channel, then the connection: the broker lends again what they held. */
  close(): Promise<void>;
}

const graceMs = 3000;

export async function openRabbitLink(options: RabbitLinkOptions): Promise<RabbitLink> {
  const { ca, heartbeatMs, waitMs, name, onProblem } = options;
  const { isSecure, ...server } = serverOf(options.url);
  if (ca !== undefined && !ca.includes("-----BEGIN CERTIFICATE-----")) {
    throw new Problem("invalid-config", "Expected certificates in PEM for the authorities of RabbitMQ's server");
  }
  const address = `${server.hostname}:${server.port}`;
  const { Connection } = await import("rabbitmq-client");
  const connection = new Connection({
    ...server,
    tls: isSecure && { ...(ca !== undefined && { ca }) },
    connectionName: name,
    heartbeat: Math.ceil(heartbeatMs / 1000),
    acquireTimeout: waitMs,
    connectionTimeout: Math.min(waitMs, 10_000),
    retryLow: 250,
    retryHigh: 2000,
  });
  const channels = new Set<Channel>();
  let isClosed = false;
  // The client says once why the connection is down, and then only that waiting for it took too long.
  let why: unknown;
  const refusals = new Set<(error: unknown) => void>();
  connection.on("connection", () => {
    why = undefined;
  });
  connection.on("error", (error) => {
    why = error;
    if (isStanding(error)) for (const refuse of refusals) refuse(error);
    if (!isClosed) onProblem(rabbitProblem(error, address));
  });

  async function open(): Promise<Channel> {
    const channel = await connection.acquire({ emitErrorsFromChannel: true });
    channels.add(channel);
    channel.on("close", () => channels.delete(channel));
    channel.on("error", (error) => {
      if (!isClosed) onProblem(rabbitProblem(error, address));
    });
    return channel;
  }

  return {
    address,
    async channel() {
      if (isClosed) throw new Problem("queue-unavailable", `The connection to RabbitMQ at ${address} was closed`);
      if (isStanding(why)) throw rabbitProblem(why, address);
      const refused = Promise.withResolvers<never>();
      refusals.add(refused.reject);
      const opening = open();
      // Whichever loses the race is nobody's any more.
      for (const one of [opening, refused.promise]) one.catch(() => {});
      try {
        // Opening itself can hang on a connection that the broker has blocked.
        return await within(waitMs + 1000, Promise.race([opening, refused.promise]));
      } catch (error) {
        opening.then(
          (late) => late.close(),
          () => {},
        );
        throw rabbitProblem(why ?? error, address);
      } finally {
        refusals.delete(refused.reject);
      }
    },
    async close() {
      isClosed = true;
      const closing = Promise.all([...channels].map((channel) => channel.close())).then(() => connection.close());
      await within(graceMs, closing).catch(() => connection.unsafeDestroy());
    },
  };
}

/** The longest time that a timer of Node's takes. */
const longestMs = 2 ** 31 - 1;

/** Rejects when it takes longer. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), Math.min(ms, longestMs));
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The address in its parts. What was received is not told: it may hold a password. */
function serverOf(url: string) {
  const parsed = URL.parse(url);
  const isSecure = parsed?.protocol === "amqps:";
  if (
    parsed === null ||
    (!isSecure && parsed.protocol !== "amqp:") ||
    parsed.hostname === "" ||
    /%(?![\da-f]{2})/i.test(url)
  ) {
    throw new Problem("invalid-config", "Expected amqp://HOST or amqps://HOST for the address of RabbitMQ");
  }
  const part = (text: string, otherwise: string) => (text === "" ? otherwise : decodeURIComponent(text));
  return {
    isSecure,
    hostname: parsed.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: part(parsed.port, isSecure ? "5671" : "5672"),
    username: part(parsed.username, "guest"),
    password: part(parsed.password, "guest"),
    vhost: part(parsed.pathname.slice(1), "/"),
  };
}
