import { Problem } from "../../errors.ts";

const remedy = "Mask it without the option lossless, or save it again as a plain 8-bit JPEG.";

/** For coefficients that can't be read, or written back, exactly as they are. */
export function damaged(what: string): Problem {
  return new Problem("unreadable", `The JPEG's coefficients could not be read: ${what}`, { remedy });
}

/** For kinds of files that can't be masked without decoding the rest. */
export function refused(kind: string, advice = remedy): Problem {
  return new Problem("unsupported", `unsupported: ${kind} with the option lossless`, { remedy: advice });
}
