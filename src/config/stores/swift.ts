import { z } from "zod";
import { address } from "../address.ts";
import { folder } from "../kinds.ts";

const text = (shown: string, description: string) => z.string().min(1).meta({ shown, description });
const secret = (description: string) => z.string().min(1).meta({ secret: true, shown: "none", description });

/** A container of OpenStack's Swift, or of a server that speaks as it does. */
export const swiftSettings = z
  .strictObject({
    kind: z.literal("swift"),
    authUrl: address().meta({
      shown: "required",
      expected: "an address such as https://keystone.example.org:5000/v3",
      description: "Where to log in.",
    }),
    auth: z.enum(["v3", "v1"]).default("v3").describe("How: Keystone's third version, or Swift's own first one."),
    username: z.exactOptional(text("none", "The user. With `v1` often PROJECT:USER.")),
    password: z.exactOptional(secret("A user's password, of `v3`.")),
    key: z.exactOptional(secret("A user's key of `v1`, or an application credential's secret.")),
    applicationCredential: z.exactOptional(
      text("none", "An application credential's id, in place of user and project."),
    ),
    project: z.exactOptional(text("none", "The project that the container belongs to, of `v3`.")),
    domain: text("Default", "The user's domain.").default("Default"),
    projectDomain: z.exactOptional(text("`domain`", "The project's domain.")),
    region: z.exactOptional(text("the only one", "The region whose object store is meant.")),
    interface: z.enum(["public", "internal"]).default("public").describe("Which of its addresses is used."),
    container: z
      .string()
      .regex(/^[^/]{1,256}$/)
      .meta({ shown: "required", expected: "a container's name", description: "The container. veil never makes one." }),
    prefix: z.string().default("").describe("What the names of all objects begin with: nothing else is seen."),
    caFile: z.exactOptional(folder("the system's", "Certificate authorities in PEM that the server's must come from.")),
  })
  .refine(
    ({ auth, username, password, key, project, applicationCredential }) => {
      const needed = auth === "v1" ? [username, key] : [username, password, project];
      const isCredential = auth === "v3" && applicationCredential !== undefined && key !== undefined;
      return isCredential || needed.every((value) => value !== undefined);
    },
    {
      error:
        "expected username and key for v1; username, password and project, or applicationCredential and key for v3",
    },
  );
