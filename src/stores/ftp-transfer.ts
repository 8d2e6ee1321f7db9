import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { Client, FTPResponse } from "basic-ftp";
import { type Connection, failureOf, replyOf } from "./ftp-connect.ts";
import { ftpFailure, refusal, statusOf } from "./ftp-problem.ts";

type TaskResolver = Parameters<Parameters<Client["ftp"]["handle"]>[1]>[1];

/** Carries the bytes of one transfer; answers whether it has stopped before the server's end. */
type Use = (socket: Socket) => Promise<boolean>;

interface Transfer {
  readonly verb: "RETR" | "STOR";
  readonly path: string;
  /** Where the server is to begin; `fromStart` is called where it can't. */
  readonly restart?: { readonly at: number; readonly fromStart: () => void };
  readonly use: Use;
}

/**
 * One transfer: both the data connection's end and the server's word on the control connection are waited for, so that
 * the next command gets its own answer.
 */
async function transfer({ client, idleMs }: Connection, { verb, path, restart, use }: Transfer): Promise<void> {
  const command = `${verb} ${path}`;
  const { ftp } = client;
  let isAsked = restart === undefined;
  let isBegun = false;
  let used: { readonly isStopped: boolean; readonly error?: unknown } | undefined;
  let reply: FTPResponse | Error | undefined;
  // What neither server nor client said: the body's own failure.
  const isOurs = (error: unknown) => error !== undefined && error === used?.error && statusOf(error) === undefined;

  function answer(response: FTPResponse | Error, task: TaskResolver): void {
    if (response instanceof Error && replyOf(response) === undefined) {
      ftp.dataSocket?.destroy();
      return void task.reject(response);
    }
    if (!isAsked) {
      isAsked = true;
      if (response instanceof Error) restart?.fromStart();
      return void ftp.send(command);
    }
    if (response instanceof Error || response.code >= 200) {
      reply = response;
      // A refusal ends what is under way.
      if (response instanceof Error) ftp.dataSocket?.destroy();
      return void settle(task);
    }
    const socket = ftp.dataSocket;
    if (isBegun || socket === undefined) return;
    isBegun = true;
    // Silent as long as there are bytes; `use` watches those.
    ftp.socket.setTimeout(0);
    const over = (result: NonNullable<typeof used>) => {
      used = result;
      // What was sent to its end is still on its way, and closing now might call it back.
      if (result.isStopped || result.error !== undefined) socket.destroy();
      ftp.socket.setTimeout(idleMs);
      settle(task);
    };
    use(socket).then(
      (isStopped) => over({ isStopped }),
      (error: unknown) => over({ isStopped: false, error }),
    );
  }

  function settle(task: TaskResolver): void {
    if (reply === undefined || (isBegun && used === undefined)) return;
    ftp.dataSocket = undefined;
    const refused = reply instanceof Error && used?.isStopped !== true ? reply : undefined;
    const error = isOurs(used?.error) ? used?.error : (refused ?? used?.error);
    if (error === undefined) task.resolve(undefined);
    else task.reject(error as Error);
  }

  try {
    await client.prepareTransfer(ftp);
    await ftp.handle(restart === undefined ? command : `REST ${restart.at}`, answer);
  } catch (error) {
    if (isOurs(error)) throw error;
    const code = replyOf(error);
    throw code === undefined ? failureOf(error) : refusal({ code, message: (error as Error).message }, path);
  }
}

export interface Download {
  readonly path: string;
  readonly start: number;
  /** Bytes that are wanted. */
  readonly length: number;
  /** Takes bytes; answers whether it can take more at once. Until then `resumed` is awaited. */
  readonly push: (bytes: Buffer) => boolean;
  readonly resumed: () => Promise<void>;
  /** Stops it. */
  readonly signal: AbortSignal;
}

/** Answers how many of the wanted bytes came, and whether there were more behind them. */
export async function download(
  connection: Connection,
  options: Download,
): Promise<{ readonly got: number; readonly isMore: boolean }> {
  const { path, start, length, push, resumed, signal } = options;
  let left = length;
  let skip = 0;
  let isMore = false;
  const fromStart = () => {
    skip = start;
  };
  await transfer(connection, {
    verb: "RETR",
    path,
    ...(start === 0 ? {} : { restart: { at: start, fromStart } }),
    use: (socket) =>
      new Promise((resolve, reject) => {
        const watch = watchdog(connection, reject);
        const stop = (isStopped: boolean) => {
          watch.end();
          resolve(isStopped);
        };
        signal.addEventListener("abort", () => stop(true), { once: true });
        if (signal.aborted) return stop(true);
        socket.on("data", (chunk: Buffer) => {
          watch.refresh();
          const skipped = Math.min(skip, chunk.length);
          skip -= skipped;
          const bytes = chunk.subarray(skipped, skipped + left);
          left -= bytes.length;
          const goesOn = bytes.length === 0 || push(bytes);
          isMore = left === 0 && chunk.length > skipped + bytes.length;
          if (isMore) return stop(true);
          if (goesOn) return;
          socket.pause();
          watch.end();
          resumed().then(() => {
            watch.refresh();
            socket.resume();
          });
        });
        socket.once("end", () => stop(false));
        socket.once("error", reject);
        socket.once("close", () => {
          watch.end();
          reject(ftpFailure("lost", "the data connection was lost"));
        });
        watch.refresh();
      }),
  });
  return { got: length - left, isMore };
}

/** Sends a body; answers how many bytes there were. */
export async function upload(connection: Connection, path: string, body: Readable): Promise<number> {
  let size = 0;
  const use: Use = async (socket) => {
    // A body that waits for its own source would not hear of it.
    socket.once("close", () => body.destroy(ftpFailure("lost", "the data connection was lost")));
    await secured(connection, socket);
    for await (const chunk of body) {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
      size += bytes.length;
      if (!socket.write(bytes)) await until(connection, socket, "drain");
    }
    socket.end();
    if (!socket.writableFinished) await until(connection, socket, "finish");
    return false;
  };
  await transfer(connection, { verb: "STOR", path, use });
  return size;
}

/** Nothing is written before the server's certificate has been looked at. */
async function secured(connection: Connection, socket: Socket): Promise<void> {
  if ("authorized" in socket && socket.authorized !== true) await until(connection, socket, "secureConnect");
}

async function until(connection: Connection, socket: Socket, event: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const watch = watchdog(connection, reject);
  const lose = () => reject(ftpFailure("lost", "the data connection was lost"));
  socket.once(event, resolve).once("close", lose);
  watch.refresh();
  if (socket.destroyed) lose();
  try {
    await promise;
  } finally {
    watch.end();
    socket.off(event, resolve).off("close", lose);
  }
}

/** Ends the connection when nothing has moved for as long as the server may be silent. */
function watchdog({ client, idleMs }: Connection, reject: (error: Error) => void) {
  let timer: NodeJS.Timeout | undefined;
  const bark = () => {
    reject(ftpFailure("lost", `the server was silent for ${idleMs} ms`));
    client.close();
  };
  return {
    refresh() {
      clearTimeout(timer);
      timer = setTimeout(bark, idleMs);
    },
    end: () => clearTimeout(timer),
  };
}
