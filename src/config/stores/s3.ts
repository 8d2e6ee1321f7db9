import { z } from "zod";
import { address } from "../address.ts";
import { folder } from "../kinds.ts";

/** A bucket of any server that speaks S3. */
export const s3Settings = z
  .strictObject({
    kind: z.literal("s3"),
    endpoint: z.exactOptional(
      address().meta({
        shown: "AWS",
        expected: "an address such as https://s3.example.org",
        description: "The server; absent: AWS, in `region`.",
      }),
    ),
    region: z.string().min(1).default("us-east-1").describe("The bucket's region; many servers take any."),
    bucket: z
      .string()
      .regex(/^[a-zA-Z0-9][\w.-]{1,254}$/)
      .meta({ shown: "required", expected: "a bucket's name", description: "The bucket. veil never makes one." }),
    prefix: z
      .string()
      .default("")
      .describe("What the names of all objects begin with: nothing else is seen. A folder's ends with a slash."),
    pathStyle: z.exactOptional(z.boolean()).meta({
      shown: "true with `endpoint`",
      description: "Whether the bucket stands in the path, and not in the host's name.",
    }),
    accessKey: z.exactOptional(
      z.string().min(1).meta({ shown: "the platform's", description: "Absent: the platform's own chain is asked." }),
    ),
    secretKey: z.exactOptional(z.string().min(1).meta({ secret: true, shown: "none", description: "Its secret." })),
    sessionToken: z.exactOptional(
      z.string().min(1).meta({ secret: true, shown: "none", description: "Goes with temporary keys." }),
    ),
    caFile: z.exactOptional(folder("the system's", "Certificate authorities in PEM that the server's must come from.")),
    read: z
      .enum(["direct", "presigned"])
      .default("direct")
      .describe("Whether objects are read with the keys, or by an address that is signed for each."),
    conditionalWrites: z
      .boolean()
      .default(true)
      .describe(
        "Whether the server knows If-Match and If-None-Match. Without: veil only looks right before each write.",
      ),
    encryption: z
      .exactOptional(z.enum(["AES256", "aws:kms"]))
      .meta({ shown: "the bucket's own", description: "Server-side encryption that is asked for." }),
    kmsKey: z.exactOptional(z.string().min(1).meta({ shown: "none", description: "The key for `aws:kms`." })),
  })
  .refine(({ accessKey, secretKey }) => (accessKey === undefined) === (secretKey === undefined), {
    params: { why: "expected accessKey and secretKey, or neither" },
    path: ["secretKey"],
  });
