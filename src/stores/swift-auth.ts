import { Problem } from "../errors.ts";
import { textOf } from "./http-body.ts";
import type { HttpAnswer, HttpClient } from "./http-client.ts";
import { statusProblem } from "./http-problem.ts";
import { storageUrlOf } from "./swift-catalogue.ts";

export interface SwiftSettings {
  readonly authUrl: string;
  readonly auth: "v1" | "v3";
  readonly username?: string;
  /** A user's, of `v3`. */
  readonly password?: string;
  /** Of a user of `v1`, or of an application credential of `v3`. */
  readonly key?: string;
  /** Its id, in place of a user. */
  readonly applicationCredential?: string;
  readonly project?: string;
  readonly domain: string;
  readonly projectDomain?: string;
  readonly region?: string;
  readonly interface: "public" | "internal";
  readonly container: string;
  readonly prefix: string;
  readonly caFile?: string;
}

/** What lets in, and where to. */
export interface SwiftAccess {
  readonly token: string;
  readonly storageUrl: URL;
  /** Milliseconds since 1970, by this machine's clock: a token that ends in the middle of a call is of no use. */
  readonly renewAt: number;
}

const mostText = 4_194_304;

/** Asks for a token. Problem: `store-denied` for wrong credentials. */
export async function authenticate(http: HttpClient, settings: SwiftSettings, name: string): Promise<SwiftAccess> {
  const what = `Cannot log in to ${name}`;
  const access = settings.auth === "v1" ? await logInV1(http, settings, what) : await logInV3(http, settings, what);
  if (settings.authUrl.startsWith("https:") && access.storageUrl.protocol !== "https:") {
    throw new Problem(
      "store-unavailable",
      `${what}: the server wants the token sent without TLS, to ${access.storageUrl.host}`,
      {
        remedy: "Have the server name its storage by https.",
      },
    );
  }
  return access;
}

async function logInV1(http: HttpClient, settings: SwiftSettings, what: string): Promise<SwiftAccess> {
  const { authUrl, username = "", key = "" } = settings;
  const headers = { "x-auth-user": username, "x-auth-key": key };
  const answer = await http.call({ method: "GET", url: new URL(authUrl), headers, what });
  await textOf(answer);
  if (answer.status < 200 || answer.status > 299)
    throw statusProblem(answer.status, what, { 404: "store-unavailable" });
  const [token, address] = [header(answer, "x-auth-token"), header(answer, "x-storage-url")];
  if (token === undefined || address === undefined || !URL.canParse(address)) throw noSwift(what, settings);
  const seconds = Number(header(answer, "x-auth-token-expires") ?? Number.POSITIVE_INFINITY);
  return { token, storageUrl: new URL(address), renewAt: renewAt(seconds * 1000) };
}

async function logInV3(http: HttpClient, settings: SwiftSettings, what: string): Promise<SwiftAccess> {
  const base = settings.authUrl.replace(/\/+$/, "");
  const url = new URL(`${base.endsWith("/v3") ? base : `${base}/v3`}/auth/tokens`);
  const headers = { "content-type": "application/json", accept: "application/json" };
  const answer = await http.call({ method: "POST", url, headers, body: JSON.stringify(requestV3(settings)), what });
  const text = await textOf(answer, mostText);
  if (answer.status !== 201) throw statusProblem(answer.status, what, { 404: "store-unavailable" });
  const token = header(answer, "x-subject-token");
  const body = parsed(text)?.token;
  if (token === undefined || body === undefined) throw noSwift(what, settings);
  // Both by the server's clock.
  const lifeMs = Date.parse(body.expires_at ?? "") - Date.parse(body.issued_at ?? "");
  return {
    token,
    storageUrl: storageUrlOf(body.catalog, settings, what),
    renewAt: renewAt(Number.isNaN(lifeMs) ? Number.POSITIVE_INFINITY : lifeMs),
  };
}

function requestV3({ username, password, key, applicationCredential, project, domain, projectDomain }: SwiftSettings) {
  if (applicationCredential !== undefined) {
    const application_credential = { id: applicationCredential, secret: key };
    return { auth: { identity: { methods: ["application_credential"], application_credential } } };
  }
  const user = { name: username, domain: { name: domain }, password };
  const scope = { project: { name: project, domain: { name: projectDomain ?? domain } } };
  return { auth: { identity: { methods: ["password"], password: { user } }, scope } };
}

function renewAt(lifeMs: number): number {
  return Date.now() + lifeMs - Math.min(60_000, lifeMs / 2);
}

interface TokenAnswer {
  readonly token?: { readonly catalog?: unknown; readonly expires_at?: string; readonly issued_at?: string };
}

function parsed(text: string): TokenAnswer | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function header({ headers }: HttpAnswer, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function noSwift(what: string, { authUrl, auth }: SwiftSettings): Problem {
  return new Problem(
    "store-unavailable",
    `${what}: ${new URL(authUrl).host} does not answer as authentication ${auth}`,
    {
      remedy: "Check authUrl and auth.",
    },
  );
}
