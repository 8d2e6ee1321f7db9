import type { FastifyRequest } from "fastify";
import { Problem } from "../errors.ts";
import type { Room } from "../pipeline/room.ts";
import type { Spool, SpoolFile } from "../pipeline/spool.ts";

/** One received file, or why it was not. */
export interface Upload {
  readonly name: string;
  readonly file: SpoolFile | Problem;
}

/** A received form; its files leave the spool with it. */
export interface Form extends AsyncDisposable {
  readonly uploads: readonly Upload[];
  readonly fields: Readonly<Record<string, string>>;
}

export interface ReceiveFormOptions {
  readonly spool: Spool;
  readonly maxBytes: number;
  /** Form fields of this name are files. */
  readonly field: string;
  /** Of the client's going away. */
  readonly signal: AbortSignal;
  /** Asked again and again while files come in. */
  readonly room: Pick<Room, "require">;
}

/** Reads a multipart form; files go straight to the spool. After a failure nothing of it is left there. */
export async function receiveForm(request: FastifyRequest, options: ReceiveFormOptions): Promise<Form> {
  const { spool, maxBytes, field, signal, room } = options;
  const uploads: Upload[] = [];
  const fields: Record<string, string> = {};
  let received = 0;
  const allow = (taken: number) => {
    received += taken;
    return room.require(taken, received);
  };
  const remove = async () => {
    for (const { file } of uploads) if (!(file instanceof Problem)) await file.remove();
  };
  try {
    for await (const part of request.parts()) {
      if (part.type === "field") {
        const { fieldname, value, valueTruncated } = part;
        if (valueTruncated) throw new Problem("too-large", `The field ${JSON.stringify(fieldname)} is too long`);
        if (Object.hasOwn(fields, fieldname)) {
          throw new Problem("invalid-request", `Expected the field ${JSON.stringify(fieldname)} once`);
        }
        // A part that is declared as JSON comes parsed.
        fields[fieldname] = typeof value === "string" ? value : JSON.stringify(value);
        continue;
      }
      if (part.fieldname !== field) {
        part.file.resume();
        throw new Problem(
          "invalid-request",
          `Expected files in the field ${field} but received one in ${JSON.stringify(part.fieldname)}`,
        );
      }
      // The parser cuts a file at the limit and says so; one byte above it is never kept.
      const file = await spool.receive(part.file, { maxBytes: Number.POSITIVE_INFINITY, allow });
      const name = part.filename ?? "";
      uploads.push({ name, file: part.file.truncated ? await refuse(file, maxBytes) : file });
      // The parser would keep every part, with its stream, until the request ends.
      delete part.fields[field];
    }
  } catch (error) {
    await remove();
    // What still comes is read and dropped: unread, it would hold up the client's next request on this connection.
    request.raw.unpipe();
    request.raw.resume();
    signal.throwIfAborted();
    throw brokenForm(error) ?? error;
  }
  return { uploads, fields, [Symbol.asyncDispose]: remove };
}

/** The form's one file. Problems: invalid-request where there is not exactly one, and why it was not received. */
export function onlyUpload({ uploads }: Form, field: string): { readonly name: string; readonly file: SpoolFile } {
  const [upload] = uploads;
  if (upload === undefined || uploads.length > 1) {
    throw new Problem("invalid-request", `Expected one file in the field ${field} but received ${uploads.length}`);
  }
  const { name, file } = upload;
  if (file instanceof Problem) throw file;
  return { name, file };
}

/** The parser of forms has no codes for what it can't read. */
function brokenForm(error: unknown): Problem | undefined {
  const message = error instanceof Error ? error.message : "";
  if (!/unexpected end of multipart data|^Multipart: Boundary|^The needle/i.test(message)) return undefined;
  return new Problem("invalid-request", "The form is cut off, or its boundary can't be used", {
    remedy: "Send it whole, with the boundary that its Content-Type names.",
    cause: error,
  });
}

async function refuse(file: SpoolFile, maxBytes: number): Promise<Problem> {
  await file.remove();
  return new Problem("too-large", `Expected at most ${maxBytes} bytes`, {
    remedy: "Raise limits.maxBytes, or send a smaller file.",
  });
}
