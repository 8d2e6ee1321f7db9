import type { FastifyRequest } from "fastify";
import { Problem } from "../errors.ts";
import type { Spool, SpoolFile } from "../pipeline/spool.ts";

/** One received file, or why it was not. */
export interface Upload {
  readonly name: string;
  readonly file: SpoolFile | Problem;
}

export interface Form {
  readonly uploads: readonly Upload[];
  readonly fields: Readonly<Record<string, string>>;
}

export interface ReceiveFormOptions {
  readonly spool: Spool;
  readonly maxBytes: number;
  /** Form fields of this name are files. */
  readonly field: string;
  readonly onUpload?: (upload: Upload, index: number) => void;
}

/** Reads a multipart form; files go straight to the spool. After a failure nothing of it is left there. */
export async function receiveForm(request: FastifyRequest, options: ReceiveFormOptions): Promise<Form> {
  const { spool, maxBytes, field, onUpload } = options;
  if (!request.isMultipart()) {
    throw new Problem("invalid-request", `Expected multipart/form-data with the field ${field}`, {
      remedy: "See /api/docs.",
    });
  }
  const uploads: Upload[] = [];
  const fields: Record<string, string> = {};
  try {
    for await (const part of request.parts()) {
      if (part.type === "field") {
        fields[part.fieldname] = String(part.value);
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
      const file = await spool.receive(part.file, { maxBytes: Number.POSITIVE_INFINITY });
      const upload = { name: part.filename, file: part.file.truncated ? await refuse(file, maxBytes) : file };
      uploads.push(upload);
      // The parser would keep every part, with its stream, until the request ends.
      delete part.fields[field];
      onUpload?.(upload, uploads.length - 1);
    }
  } catch (error) {
    await removeAll(uploads);
    throw error;
  }
  return { uploads, fields };
}

/** The form's one file; where there is not exactly one, none stays in the spool. */
export async function onlyUpload({ uploads }: Form, field: string): Promise<{ name: string; file: SpoolFile }> {
  const [upload] = uploads;
  if (upload === undefined || uploads.length > 1) {
    await removeAll(uploads);
    throw new Problem("invalid-request", `Expected one file in the field ${field} but received ${uploads.length}`);
  }
  if (upload.file instanceof Problem) throw upload.file;
  return { name: upload.name, file: upload.file };
}

async function removeAll(uploads: readonly Upload[]): Promise<void> {
  for (const { file } of uploads) if (!(file instanceof Problem)) await file.remove();
}

async function refuse(file: SpoolFile, maxBytes: number): Promise<Problem> {
  await file.remove();
  return new Problem("too-large", `Expected at most ${maxBytes} bytes`, {
    remedy: "Raise limits.maxBytes, or send a smaller file.",
  });
}
