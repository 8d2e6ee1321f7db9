import { Problem } from "../errors.ts";
import { discard } from "./http-body.ts";
import { createHttpClient, type HttpAnswer, type HttpCall, type HttpTimeouts } from "./http-client.ts";

export interface WebdavSettings {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** In place of a password: sent as a bearer token. */
  readonly token?: string;
  readonly caFile?: string;
}

export interface WebdavCall extends Omit<HttpCall, "url"> {
  /** Below the store's root; "" or with a slash at its end: a folder. */
  readonly path: string;
}

/** One WebDAV server, below the address of a folder. */
export interface WebdavConnection {
  /** The path of the root, as it is sent, with a slash at its end. */
  readonly rootPath: string;
  addressOf(path: string): URL;
  /** Follows redirects of what only reads; Problem: `store-unavailable` for others. */
  call(call: WebdavCall): Promise<HttpAnswer>;
  /** Answers whether it is gone; whether it could be removed does not matter. */
  remove(path: string, what: string): Promise<boolean>;
  close(): void;
}

const mostRedirects = 5;
const follows = new Set(["GET", "PROPFIND"]);

export function createWebdavConnection(
  { url, username, password = "", token, caFile }: WebdavSettings,
  root: string,
  timeouts: HttpTimeouts,
): WebdavConnection {
  const base = new URL(url);
  const way = [...base.pathname.split("/"), ...root.split("/").map(encodeURIComponent)].filter((part) => part !== "");
  const rootPath = way.length === 0 ? "/" : `/${way.join("/")}/`;
  const authorization = token === undefined ? basic(username, password) : `Bearer ${token}`;
  const http = createHttpClient(timeouts, caFile);

  function addressOf(path: string): URL {
    return new URL(`${rootPath}${path.split("/").map(encodeURIComponent).join("/")}`, base.origin);
  }

  async function call({ path, headers = {}, ...call }: WebdavCall): Promise<HttpAnswer> {
    let at = addressOf(path);
    for (let redirects = 0; ; redirects += 1) {
      // Credentials are for this server alone.
      const own = authorization !== undefined && at.origin === base.origin ? { authorization } : {};
      const answer = await http.call({ ...call, url: at, headers: { ...headers, ...own } });
      const { location } = answer.headers;
      if (answer.status < 300 || answer.status > 399 || answer.status === 304) return answer;
      const next = location !== undefined && URL.canParse(location, at.href) ? new URL(location, at) : undefined;
      // A folder's address without its slash.
      if (next !== undefined && next.pathname === `${at.pathname}/`) return answer;
      await discard(answer);
      const isDowngrade = at.protocol === "https:" && next?.protocol !== "https:";
      if (next === undefined || isDowngrade || !follows.has(call.method) || redirects === mostRedirects) {
        throw new Problem("store-unavailable", `${call.what}: ${at.host} redirects to ${next?.host ?? "nowhere"}`, {
          remedy: "Set url to the address that the server redirects to.",
        });
      }
      at = next;
    }
  }

  return {
    rootPath,
    addressOf,
    call,
    async remove(path, what) {
      try {
        const answer = await call({ method: "DELETE", path, what });
        await discard(answer);
        return answer.status === 204 || answer.status === 200;
      } catch {
        return false;
      }
    },
    close: () => http.close(),
  };
}

function basic(username: string | undefined, password: string): string | undefined {
  return username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
