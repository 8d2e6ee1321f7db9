import type { ProblemBody } from "../../../src/http/schema.ts";

/** What went wrong: the server's own words, or a code of ours where no server answered. */
export type Trouble = Pick<ProblemBody, "code" | "title" | "detail" | "remedy">;

/** The address of a resource of the API, whatever path the page is served under. */
export function apiUrl(path: string, query: Readonly<Record<string, string>> = {}): string {
  const url = new URL(`api/v1/${path}`, document.baseURI);
  url.hash = "";
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

/** The JSON of a resource; throws an Error whose cause is a Trouble. */
export async function getJson<T>(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal) {
  return (await ask(apiUrl(path, query), { signal })).json() as Promise<T>;
}

/** Sends a request, with a JSON body or without one; throws an Error whose cause is a Trouble. */
export async function post(path: string, body?: object): Promise<void> {
  const json = body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  await ask(apiUrl(path), { method: "POST", ...json });
}

/** What a failed request or mutation is about. */
export function troubleOf(error: unknown): Trouble {
  const cause = error instanceof Error ? error.cause : undefined;
  return isTrouble(cause) ? cause : offline;
}

/** Reads problem+json; anything else (a proxy's page, an empty body) becomes `bad-answer` with its status. */
export function asTrouble(body: unknown, status: number): Trouble {
  if (isTrouble(body)) return body;
  return { code: "bad-answer", title: "", detail: `HTTP ${status}` };
}

const permanent = new Set([
  "too-large",
  "too-large-here",
  "too-many-pixels",
  "too-many-frames",
  "unsupported",
  "not-an-image",
  "unreadable",
  "residue",
]);

/** Whether the same file would fail again, however it is sent. */
export function isPermanent({ code }: Trouble): boolean {
  return permanent.has(code);
}

/** No answer at all. */
export const offline: Trouble = { code: "offline", title: "", detail: "" };

function isTrouble(value: unknown): value is Trouble {
  return typeof value === "object" && value !== null && "code" in value && "title" in value && "detail" in value;
}

/** An answer that is no problem; else throws an Error whose cause is a Trouble. */
export async function ask(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.ok) return response;
  const trouble = asTrouble(await response.json().catch(() => undefined), response.status);
  throw new Error(trouble.title || trouble.detail, { cause: trouble });
}
