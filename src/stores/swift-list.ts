import { Problem } from "../errors.ts";
import { discard, textOf } from "./http-body.ts";
import { statusProblem } from "./http-problem.ts";
import { retryPage } from "./retry-page.ts";
import type { SwiftCall, SwiftConnection } from "./swift-connection.ts";
import type { Row } from "./swift-object.ts";

// Names are at most a kilobyte long, and six times as much where each of their bytes is escaped.
const mostRowBytes = 8_192;

/** Every object whose name begins so, page by page: one that fails is asked for again, and the listing goes on from there. */
export async function* listContainer(
  connection: SwiftConnection,
  prefix: string,
  pageSize: number,
  what: string,
  signal?: AbortSignal,
): AsyncGenerator<Row> {
  for (let marker = ""; ; ) {
    const query = { format: "json", limit: String(pageSize), ...(prefix && { prefix }), ...(marker && { marker }) };
    const rows = await retryPage(() => pageOf(connection, { method: "GET", query, what, signal }, pageSize), {
      signal,
    });
    // A page may be shorter than was asked for, and not be the last one.
    const last = rows.at(-1)?.name;
    if (last === undefined) return;
    if (marker !== "" && Buffer.compare(Buffer.from(last), Buffer.from(marker)) <= 0) {
      throw new Problem("store-unavailable", `${what}: the server gives the same names again and again`);
    }
    yield* rows;
    marker = last;
  }
}

async function pageOf(connection: SwiftConnection, call: SwiftCall, pageSize: number): Promise<readonly Row[]> {
  const { what } = call;
  const answer = await connection.call(call);
  if (answer.status === 204) {
    await discard(answer);
    return [];
  }
  if (answer.status !== 200) {
    await discard(answer);
    throw statusProblem(answer.status, what, { 404: "store-unavailable" });
  }
  const text = await textOf(answer, pageSize * mostRowBytes).catch((error: unknown) => {
    throw new Problem("store-unavailable", `${what}: the page broke off`, { cause: error });
  });
  const rows = parsed(text);
  if (Array.isArray(rows) && rows.every(isRow)) return rows;
  throw new Problem("store-unavailable", `${what}: the server answers with something else than a listing`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRow(row: unknown): row is Row {
  const { name, hash, bytes, last_modified } = (row ?? {}) as Partial<Record<keyof Row, unknown>>;
  const areTexts = [name, hash, last_modified].every((value) => typeof value === "string");
  return areTexts && typeof bytes === "number" && name !== "";
}
