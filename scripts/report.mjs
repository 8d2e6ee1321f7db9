/** A failure that its message explains fully: shown without a stack. */
export class BootstrapError extends Error {}

/**
 * Says on standard error what is being done, and then how long it took. Standard output stays free for results.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
export async function step(what, action) {
  const start = performance.now();
  process.stderr.write(`${what} … `);
  try {
    const result = await action();
    process.stderr.write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
    return result;
  } catch (error) {
    process.stderr.write("failed\n");
    throw error;
  }
}

/**
 * Runs a program's main function; what it throws ends the process with code 1 and a readable message.
 * @param {() => Promise<void>} main
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`\n${error instanceof BootstrapError ? error.message : /** @type {Error} */ (error).stack}\n`);
    process.exitCode = 1;
  }
}
