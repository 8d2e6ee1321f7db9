import { z } from "zod";
import {
  allStyles,
  cosmeticStatement,
  defaultPolicy,
  implausibles,
  metadataPolicies,
  profiles,
  strengths,
  verifications,
} from "../core/policy.ts";
import { count } from "./kinds.ts";

/** What is looked for and how it is hidden, where nothing else is said. */
export const policySchema = z.strictObject({
  profile: z.enum(profiles).default(defaultPolicy.profile).describe("How much time detection may take."),
  style: z
    .enum(allStyles)
    .default(defaultPolicy.style)
    .describe("What a mask looks like. None can be undone but cosmetic, which needs `policy.cosmetic`."),
  strength: z.enum(strengths).default(defaultPolicy.strength).describe("How far beyond the face a mask reaches."),
  minScore: z
    .exactOptional(z.number().min(0).max(1))
    .meta({ shown: "the profile's own", description: "Detections below this score are dropped." }),
  turns: z.exactOptional(z.boolean()).meta({
    shown: "only `thorough` does",
    description: "Whether to look for heads that lie on their side or hang down.",
  }),
  implausible: z
    .exactOptional(z.enum(implausibles))
    .meta({ shown: "`drop`", description: "What becomes of regions whose shape or size no face has." }),
  verify: z.exactOptional(z.enum(verifications)).meta({
    shown: "`off`",
    description: "A second look with the masks filled flat: `mask` masks what it finds, `hold` leaves it to a person.",
  }),
  quality: count(1, 100).default(defaultPolicy.quality).describe("Quality of lossy output."),
  lossless: z.exactOptional(z.boolean()).meta({
    shown: "`false`",
    description: "Whether all outside the masks stays exactly as it was; what can't be kept so is refused.",
  }),
  metadata: z.exactOptional(z.enum(metadataPolicies)).meta({
    shown: "`none`",
    description: "What of the original's metadata is written anew; see docs/formats.md.",
  }),
  cosmetic: z.exactOptional(z.enum([cosmeticStatement])).meta({
    shown: "not said",
    description: "Allows style cosmetic, a plain blur out of which faces are recognised.",
  }),
});
