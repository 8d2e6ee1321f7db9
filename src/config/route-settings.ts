import { z } from "zod";
import { copyTypes } from "../core/copyable.ts";
import { type ConfigField, fieldsOf, type JsonSchema } from "./fields.ts";
import { count, folder } from "./kinds.ts";
import { policySchema } from "./policy-settings.ts";

const glob = z
  .string()
  .refine((text) => text !== "" && !text.startsWith("/") && !text.split("/").some((part) => /^\.{0,2}$/.test(part)));
const patterns = (description: string) =>
  z.array(glob).meta({ expected: "a list of patterns without a leading slash", description });

/** One route of `routes:`: the one place that defines its settings. Absent times are those of `folder`. */
export const routeSchema = z.strictObject({
  from: folder(
    "required",
    "Where originals lie: a folder, or `store:NAME/PATH`. May be read-only: nothing is ever written there but by `originals`.",
  ),
  to: folder("required", "Masked pictures, under the same relative path: a folder, or `store:NAME/PATH`."),
  watch: z.boolean().default(true).describe("Whether photographs are taken from the folder."),
  include: patterns(
    "What is taken: `**` any folders, `*` and `?` within a name, `{a,b}`; in any case of letters.",
  ).default(["**"]),
  exclude: patterns("What of that is left alone.").default([]),
  policy: policySchema
    .partial()
    .exactOptional()
    .meta({ shown: "`policy`", expected: "settings of `policy`", description: "What is different here." }),
  originals: z
    .enum(["keep", "move", "delete"])
    .default("keep")
    .describe("What becomes of an original whose output was read back and is whole."),
  movedTo: z.exactOptional(folder("none", "Where `originals: move` moves them.")),
  others: z.enum(["skip", "copy"]).default("skip").describe("What becomes of files that are no pictures."),
  copyTypes: z
    .array(z.enum(copyTypes))
    .default([])
    .meta({ expected: `a list of ${copyTypes.join(", ")}`, description: "Which of them `others: copy` copies." }),
  removed: z
    .enum(["keep", "remove"])
    .default("keep")
    .describe("What becomes of a masked picture whose original is gone, moved or renamed."),
  mostRemoved: z
    .number()
    .min(0)
    .max(1)
    .default(0.25)
    .describe("Largest share of a route's outputs that goes at once without being confirmed."),
  keepDays: z.exactOptional(count(1)).meta({ shown: "for ever", description: "How long masked pictures are kept." }),
  mode: z.exactOptional(z.string().regex(/^0?[0-7]{3}$/)).meta({
    shown: "the system's",
    expected: "three octal digits in quotes",
    description: "Who may read and write outputs.",
  }),
  owner: z.exactOptional(z.string().regex(/^\d+:\d+$/)).meta({
    shown: "veil's",
    expected: "UID:GID in quotes",
    description: "Whose outputs are; needs the right to give files away.",
  }),
  times: z
    .enum(["now", "original"])
    .default("now")
    .describe("Modification time of outputs: when they were written, or their original's."),
  doneFile: z
    .exactOptional(
      z.string().refine((name) => name !== "" && name !== "*" && !name.includes("/") && name.split("*").length <= 2),
    )
    .meta({
      shown: "none",
      expected: "a name with at most one *",
      description: "Taken only once this file lies beside it: `*` stands for the whole name (`*.done`).",
    }),
  silentAfterMs: z
    .exactOptional(count(1000))
    .meta({ shown: "never", description: "How long without an arrival is an alarm." }),
  settleMs: z.exactOptional(count(0)).meta({ shown: "`folder.settleMs`", description: "As for the folder." }),
  incompleteMs: z.exactOptional(count(0)).meta({ shown: "`folder.incompleteMs`", description: "As for the folder." }),
  reconcileMs: z.exactOptional(count(1000)).meta({ shown: "`folder.reconcileMs`", description: "As for the folder." }),
  pollMs: z.exactOptional(count(100)).meta({ shown: "`folder.pollMs`", description: "As for the folder." }),
});

/** Every setting of a route, in the schema's order; those of its policy are one. */
export const routeFields: readonly ConfigField[] = fieldsOf(
  z.toJSONSchema(routeSchema, { io: "input" }) as JsonSchema,
  "",
  ["policy"],
);
