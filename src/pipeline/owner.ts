import { createHmac } from "node:crypto";

/**
 * Whose an upload is, as the ledger keeps it: the owner's id in a form by which nobody can tell who that is, or which other
 * uploads are theirs, so that it may stay when the names of a record are erased. The key is the installation's.
 */
export function createOwnerMark(installationKey: string): (inputKey: string, id: string) => string {
  const secret = createHmac("sha256", installationKey).update("owner of an upload").digest();
  return (inputKey, id) =>
    createHmac("sha256", secret)
      .update(JSON.stringify([inputKey, id]))
      .digest("hex");
}
