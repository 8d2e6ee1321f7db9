import { after } from "node:test";
import { isMainThread, Worker } from "node:worker_threads";

/*
 * Loaded before each test file. What still keeps the process alive ten seconds after the file's last test is a leak,
 * named and made a failure; and a file that runs for longer than any may is ended, even out of an endless loop.
 */
const graceMs = 10_000;
const longestMs = process.argv[1]?.includes("/long/") ? 3_600_000 : 300_000;

// Processes and threads that a test starts load this file too.
const isTestFile = isMainThread && process.argv[1]?.endsWith(".test.ts");

if (isTestFile && process.env.NODE_TEST_CONTEXT !== undefined) {
  // Node waits at its very end for requests of handles, and now and then, where a connection was refused, for ever.
  process.on("beforeExit", () => process.on("exit", () => process.exit()));
  after(() => {
    const report = () => {
      process.stderr.write(`leaked: ${process.getActiveResourcesInfo().join(", ")} still open after the last test\n`);
      process.exit(1);
    };
    setTimeout(report, graceMs).unref();
  });
  const watchdog = `setTimeout(() => {
    require("node:fs").writeSync(2, "ended: still running after ${longestMs / 1000} s\\n");
    process.kill(process.pid, "SIGKILL");
  }, ${longestMs})`;
  new Worker(watchdog, { eval: true, execArgv: [] }).unref();
}
