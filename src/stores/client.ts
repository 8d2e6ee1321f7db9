import { Problem } from "../errors.ts";

/** Loads a store's client the first time that it is needed. Problem `invalid-config`: its package is not installed. */
export async function loadClient<T>(store: string, packageName: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new Problem("invalid-config", `The ${store} store needs the package ${packageName}, which is not installed`, {
      remedy: `npm install ${packageName}`,
      cause: error,
    });
  }
}
