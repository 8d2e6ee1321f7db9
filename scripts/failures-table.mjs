/**
 * Tests that a page names as `[words](../test/where.test.ts): name`, up to the cell's end or a `<br>`.
 * @param {string} page
 * @returns {{ file: string, name: string }[]}
 */
export function namedTests(page) {
  const links = page.matchAll(/\[[^\]]*\]\(\.\.\/(test\/[^)]+\.test\.ts)\): (.+?)(?= *(?:<br>|\|))/g);
  return Array.from(links, ([, file = "", name = ""]) => ({ file, name }));
}

/**
 * What is to be said of named tests after a run: those that did not pass, and those that could not run here.
 * @param {{ file: string, name: string }[]} named
 * @param {{ file: string, name: string, notRun?: string }[]} results
 * @returns {{ missing: string[], notRun: string[] }}
 */
export function unproven(named, results) {
  /** @type {{ missing: string[], notRun: string[] }} */
  const said = { missing: [], notRun: [] };
  for (const { file, name } of named) {
    const inFile = results.filter((one) => one.file === file);
    const own = inFile.filter((one) => one.name === name);
    if (own.some(({ notRun }) => notRun === undefined)) continue;
    // Tests of a suite that is not run are not told of one by one.
    const reason = (own[0] ?? inFile.find(({ notRun }) => notRun !== undefined))?.notRun;
    if (reason === undefined) said.missing.push(`${file}: ${name}`);
    else said.notRun.push(`${file}: ${name} (${reason})`);
  }
  return said;
}
