import { version } from "../version.ts";

/**
 * What finds, masks and writes. The number grows with every change after which the same picture, policy and model could
 * give other regions or other bytes: results that were kept before are of no use then. docs/cache.md says when.
 */
export const operatorVersion = `${version}/1`;
