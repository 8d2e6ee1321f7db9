import { posix } from "node:path";
import type { StoreSettings } from "./store-settings.ts";

/** Where a store really is, since two names can mean the same, and what all names below a path in it begin with. */
export function identityOf(settings: StoreSettings, root: string): { readonly where: string; readonly prefix: string } {
  const { kind } = settings;
  const below = (start: string) => `${start}${root === "" ? "" : `${root}/`}`;
  const inFolder = (folder: string) => `${posix.join("/", folder, root)}/`.replace("//", "/");
  switch (kind) {
    case "s3": {
      const { endpoint, bucket, prefix } = settings;
      const server = endpoint === undefined ? "aws" : new URL(endpoint).host;
      return { where: JSON.stringify([kind, server, bucket]), prefix: below(prefix) };
    }
    case "swift": {
      const { authUrl, container, prefix, project, username, applicationCredential } = settings;
      const who = project ?? applicationCredential ?? username;
      return { where: JSON.stringify([kind, authUrl, who, container]), prefix: below(prefix) };
    }
    case "azure": {
      const { account, endpoint, connectionString, container, prefix } = settings;
      const named = account ?? /AccountName=([^;]+)/i.exec(connectionString ?? "")?.[1] ?? endpoint;
      return { where: JSON.stringify([kind, named, container]), prefix: below(prefix) };
    }
    case "sftp": {
      const { host, port, username } = settings;
      // A path without a leading slash begins in the account's own folder.
      const start = settings.root.startsWith("/") ? "" : username;
      return { where: JSON.stringify([kind, host.toLowerCase(), port, start]), prefix: inFolder(settings.root) };
    }
    case "ftp": {
      const { host, port, username } = settings;
      const start = settings.root.startsWith("/") ? "" : username;
      return { where: JSON.stringify([kind, host.toLowerCase(), port, start]), prefix: inFolder(settings.root) };
    }
    case "webdav": {
      const { origin, pathname } = new URL(settings.url);
      return { where: JSON.stringify([kind, origin]), prefix: inFolder(decodeURIComponent(pathname)) };
    }
  }
}
