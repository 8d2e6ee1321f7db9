import { Problem } from "../errors.ts";

/** A store's client, loaded when it is first needed. Problem: `invalid-config` where it is not installed. */
export async function loadClient<T>(store: string, package_: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new Problem("invalid-config", `The ${store} store needs the package ${package_}, which is not installed`, {
      remedy: `npm install ${package_}`,
      cause: error,
    });
  }
}
