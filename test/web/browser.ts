import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";
const axe = new URL("../../node_modules/axe-core/axe.min.js", import.meta.url);

/** The reason to skip browser tests here; false where they can run. */
export const noBrowser = existsSync(executablePath) ? false : "not run: chromium is not installed";

/** A real Chromium that keeps to itself. */
export function startBrowser(): Promise<Browser> {
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Whom it would ask at every start.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
  ];
  return chromium.launch({ executablePath, args });
}

/** One tab with a fresh profile. Closing it checks that nothing failed in it and that it asked nobody else. */
export interface Tab extends AsyncDisposable {
  readonly page: Page;
}

/** Opens the address in English at desktop width, or as asked. */
export async function openTab(browser: Browser, address: string, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext({
    locale: "en-US",
    viewport: { width: 1440, height: 900 },
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    // The answers 4xx that a test provokes are also logged; the page's policy and React complain as errors too.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      faults.push(message.text());
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== new URL(address).origin) faults.push(`asked ${url.origin}`);
  });
  await page.goto(address);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return {
    page,
    async [Symbol.asyncDispose]() {
      await context.close();
      assert.deepEqual(faults, []);
    },
  };
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Fails where axe finds a serious or critical barrier, at a second look too: the page may have changed during the first. */
export async function assertAccessible(page: Page, where: string): Promise<void> {
  await page.evaluate(await readFile(axe, "utf8"));
  const look = async () => {
    const violations = (await page.evaluate("axe.run(document).then(({ violations }) => violations)")) as Violation[];
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    return grave.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
  };
  if ((await look()).length > 0) assert.deepEqual(await look(), [], where);
}

/** Fails where the page is wider than the window. */
export async function assertNoSidewaysScroll(page: Page, where: string): Promise<void> {
  const [inner, full] = (await page.evaluate("[innerWidth, document.documentElement.scrollWidth]")) as [number, number];
  assert.ok(full <= inner, `${where}: ${full} px in a window of ${inner} px`);
}
