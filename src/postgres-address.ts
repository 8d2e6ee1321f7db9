/** Where a PostgreSQL is, and as whom. */
export interface PostgresAddress {
  /** A name, an IP address, or the folder of a socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  readonly isEncrypted: boolean;
  /** Passwords and names of photographs go over a network that anybody may listen on, and nobody has said so. */
  readonly isOpen: boolean;
}

const modes = ["disable", "require", "verify-ca", "verify-full"];
const signs =
  "signs such as % / ? # @ in its user, password or database have to be written as %25 %2F %3F %23 %40, and nothing else after a %";

/** Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Text: why it can't be read, which tells nothing of what it holds. */
export function readPostgresAddress(text: string): PostgresAddress | string {
  if (!/^postgres(ql)?:\/\/\S+$/.test(text)) return "it does not begin with postgres:// or has blanks";
  const decoded = decode(text);
  // A password with such a sign ends the address early: what follows would pass for a port, a path or a parameter.
  if (decoded === undefined || /[?#/][^@]*@/.test(text.slice(text.indexOf("://") + 3))) return signs;
  const authority = /^[^/?#]*/.exec(text.slice(text.indexOf("://") + 3))![0];
  if (authority.slice(authority.lastIndexOf("@") + 1).includes(",")) return "it names several hosts: veil takes one";
  const url = URL.parse(text);
  if (url === null || url.hash !== "" || url.pathname.slice(1).includes("/")) return signs;
  const { hostname, port, username, password, pathname, searchParams } = url;
  for (const name of searchParams.keys()) {
    if (name !== "host" && name !== "sslmode")
      return `its parameter ${/^\w{1,40}$/.test(name) ? name : "after the ?"} is unknown: sslmode and host are not`;
  }
  const mode = searchParams.get("sslmode");
  if (mode !== null && !modes.includes(mode)) return `its sslmode is none of ${modes.join(", ")}`;
  const host = searchParams.get("host") ?? decodeURIComponent(hostname).replace(/^\[|\]$/g, "");
  if (host === "") return "it names no host";
  const isEncrypted = mode !== null && mode !== "disable";
  return {
    ...{ host, port: Number(port || 5432), user: decodeURIComponent(username) },
    database: decodeURIComponent(pathname.slice(1)) || decodeURIComponent(username),
    ...(password !== "" && { password: decodeURIComponent(password) }),
    ...{ isEncrypted, isOpen: mode === null && !isLocal(host) },
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // a % that begins no character
  }
}

function isLocal(host: string): boolean {
  return host.startsWith("/") || host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}
