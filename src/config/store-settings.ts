import { z } from "zod";
import { type ConfigField, fieldsOf, type JsonSchema } from "./fields.ts";
import { azureSettings } from "./stores/azure.ts";
import { ftpSettings } from "./stores/ftp.ts";
import { s3Settings } from "./stores/s3.ts";
import { sftpSettings } from "./stores/sftp.ts";
import { swiftSettings } from "./stores/swift.ts";
import { webdavSettings } from "./stores/webdav.ts";

/** Every kind of store, by its name in the configuration: the one place that lists them. */
export const storeKinds = {
  s3: s3Settings,
  swift: swiftSettings,
  azure: azureSettings,
  sftp: sftpSettings,
  ftp: ftpSettings,
  webdav: webdavSettings,
} as const;
export type StoreKind = keyof typeof storeKinds;

/** The settings of a store, secrets among them. */
export type StoreSettings = z.output<(typeof storeKinds)[StoreKind]>;

/** Every setting of a kind, in its schema's order. */
export const storeFields: Readonly<Record<StoreKind, readonly ConfigField[]>> = Object.fromEntries(
  Object.entries(storeKinds).map(([kind, schema]) => [
    kind,
    fieldsOf(z.toJSONSchema(schema, { io: "input" }) as JsonSchema, "").filter(({ key }) => key !== "kind"),
  ]),
) as unknown as Record<StoreKind, readonly ConfigField[]>;
