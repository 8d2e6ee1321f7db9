import { once } from "node:events";
import type { Socket } from "node:net";

export interface CutOff {
  readonly heard: string;
  readonly tookMs: number;
}

/** For longer nobody waits to be cut off. */
const longestMs = 15_000;

/** What a client hears that sends `first` at once and then a byte of `rest` now and then, until it is cut off. */
export async function trickle(socket: Socket, first: string | Buffer, rest: string) {
  let heard = "";
  socket.on("data", (chunk) => {
    heard += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  await once(socket, "encrypted" in socket ? "secureConnect" : "connect");
  const began = performance.now();
  socket.write(first);
  let at = 0;
  const timer = setInterval(() => at < rest.length && socket.write(rest[at++]!), 100);
  const late = setTimeout(() => socket.destroy(), longestMs);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  return {
    closed: closed.then((): CutOff => {
      clearInterval(timer);
      clearTimeout(late);
      return { heard, tookMs: performance.now() - began };
    }),
  };
}

/** The head of an upload, and its picture, of a form that goes on. */
export function beginOfUpload(picture: Buffer): Buffer {
  const head = [
    "POST /api/v1/anonymize HTTP/1.1",
    "Host: localhost",
    "Content-Type: multipart/form-data; boundary=cut",
    "Content-Length: 1000000",
    "",
    '--cut\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"',
    "",
    "",
  ].join("\r\n");
  return Buffer.concat([Buffer.from(head), picture]);
}
