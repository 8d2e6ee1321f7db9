import { z } from "zod";
import { address } from "../address.ts";
import { folder } from "../kinds.ts";

const secret = (description: string) => z.string().min(1).meta({ secret: true, shown: "none", description });

/** A container of Azure Blob Storage. */
export const azureSettings = z
  .strictObject({
    kind: z.literal("azure"),
    account: z.exactOptional(
      z
        .string()
        .regex(/^[a-z0-9]{3,24}$/)
        .meta({ shown: "none", expected: "a storage account's name", description: "The storage account." }),
    ),
    container: z
      .string()
      .regex(/^[a-z0-9$](?:-?[a-z0-9])*$/)
      .meta({ shown: "required", expected: "a container's name", description: "The container. veil never makes one." }),
    prefix: z.string().default("").describe("What the names of all objects begin with: nothing else is seen."),
    endpoint: z.exactOptional(
      address().meta({
        shown: "ACCOUNT.blob.core.windows.net",
        expected: "an address such as https://account.blob.core.usgovcloudapi.net",
        description: "The account's address, where it is not in Microsoft's public cloud.",
      }),
    ),
    accountKey: z.exactOptional(secret("A key of the account.")),
    sas: z.exactOptional(secret("A shared access signature, in place of the key.")),
    connectionString: z.exactOptional(secret("In place of account, endpoint and key.")),
    caFile: z.exactOptional(folder("the system's", "Certificate authorities in PEM that the server's must come from.")),
  })
  .refine(
    ({ account, endpoint, connectionString, accountKey }) => {
      if (connectionString !== undefined) return true;
      return account !== undefined || (endpoint !== undefined && accountKey === undefined);
    },
    { error: "expected account or connectionString" },
  );
