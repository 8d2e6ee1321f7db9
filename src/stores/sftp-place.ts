import { Problem } from "../errors.ts";
import type { Link } from "./sftp-link.ts";
import { sftpStatus, statusOf } from "./sftp-problem.ts";
import { removeFile, statsAt } from "./sftp-tree.ts";

/** Moves a whole file to its own name, over what is there. */
export async function moveOver(link: Link, temporary: string, path: string, nonAtomic: boolean): Promise<void> {
  try {
    return await link.ask((sftp, answer) => sftp.ext_openssh_rename(temporary, path, answer));
  } catch (error) {
    if (statusOf(error) !== sftpStatus.unsupported) throw error;
  }
  try {
    return await rename(link, temporary, path);
  } catch (error) {
    if (statusOf(error) === "lost" || (await statsAt(link, path)) === undefined) throw error;
  }
  if (!nonAtomic) {
    throw new Problem(
      "invalid-config",
      `The server can't replace ${path} at once: it lacks posix-rename@openssh.com, so for a moment there would be nothing`,
      { remedy: "Set nonAtomic: true for this store to allow that, or write to an empty folder." },
    );
  }
  await removeFile(link, path);
  await rename(link, temporary, path);
}

/** Moves a whole file to a name that nothing has. */
export async function moveToFree(link: Link, temporary: string, path: string, taken: Problem): Promise<void> {
  try {
    await link.ask((sftp, answer) => sftp.ext_openssh_hardlink(temporary, path, answer));
    return await removeFile(link, temporary);
  } catch (error) {
    if (statusOf(error) === undefined || statusOf(error) === "lost") throw error;
  }
  // Something is there, or neither server nor file system has links. Version 3's rename replaces nothing, but some do.
  if ((await statsAt(link, path)) !== undefined) throw taken;
  await rename(link, temporary, path).catch(async (error) => {
    const isTaken = statusOf(error) === sftpStatus.failure && (await statsAt(link, path)) !== undefined;
    throw isTaken ? taken : error;
  });
}

/** Gives a file another name, which nothing has; false: the server refuses that. One that is not there is no failure. */
export async function moveAside(link: Link, path: string, aside: string): Promise<boolean> {
  try {
    await rename(link, path, aside);
    return true;
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined || status === "lost") throw error;
    return status === sftpStatus.noSuchFile;
  }
}

async function rename(link: Link, from: string, to: string): Promise<void> {
  await link.ask((sftp, answer) => sftp.rename(from, to, answer));
}
