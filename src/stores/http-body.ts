import { pipeline, type Readable, Transform } from "node:stream";
import { Problem } from "../errors.ts";
import type { HttpAnswer } from "./http-client.ts";
import { httpProblem } from "./http-problem.ts";
import { requireSize } from "./key.ts";

const mostText = 65_536;

/**
 * An answer's body of so many bytes: what ends before or after fails, and whoever destroys it ends its connection. It ends
 * once `atEnd` has found nothing wrong.
 */
export function receivedBody(
  answer: HttpAnswer,
  { bytes, what, url, atEnd = async () => {} }: { bytes: number; what: string; url: URL; atEnd?: () => Promise<void> },
): Readable {
  let got = 0;
  const body = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      got += chunk.length;
      if (got > bytes) done(new Problem("store-unavailable", `${what}: more came than the ${bytes} bytes announced`));
      else done(null, chunk);
    },
    flush(done) {
      if (got === bytes) atEnd().then(() => done(), done);
      else done(new Problem("store-unavailable", `${what}: ${got} of ${bytes} bytes came`));
    },
    destroy(error, done) {
      done(error && httpProblem(error, what, url));
    },
  });
  return pipeline(answer.body, body, () => {});
}

/** A body to be sent, looked at piece by piece; fails where it is not as long as was said. */
export function sentBody(
  body: Readable,
  key: string,
  size: number | undefined,
  look: (chunk: Buffer) => void = () => {},
): Readable {
  let got = 0;
  const sent = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      got += chunk.length;
      look(chunk);
      if (size !== undefined && got > size) fail(done, got);
      else done(null, chunk);
    },
    flush: (done) => fail(done, got),
  });
  const fail = (done: (error?: Error) => void, bytes: number) => {
    try {
      requireSize(key, bytes, size);
      done();
    } catch (error) {
      done(error as Error);
    }
  };
  return pipeline(body, sent, () => {});
}

/** Holds a body's last piece, and so its end, back until it was asked whether it may go on. */
export function withheldEnd(beforeEnd: () => Promise<void>): Transform {
  let held: Buffer | undefined;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const before = held;
      held = chunk;
      done(null, before);
    },
    flush(done) {
      beforeEnd().then(() => done(null, held), done);
    },
  });
}

/** The beginning of an answer's text; the rest is thrown away, and its connection with it. */
export async function textOf({ body }: HttpAnswer, most = mostText): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > most) break;
  }
  return Buffer.concat(chunks).subarray(0, most).toString();
}

/** Frees an answer's connection; its text does not matter, nor whether it comes. */
export async function discard(answer: HttpAnswer): Promise<void> {
  await textOf(answer).catch(() => undefined);
}
