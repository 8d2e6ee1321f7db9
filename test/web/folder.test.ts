import assert from "node:assert/strict";
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { stringify } from "yaml";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { type Program, startProgram, temporaryDataDir, until } from "../e2e/program.ts";
import { type StandIn, startStandIn } from "../stores/http-stand-in.ts";
import { assertAccessible, assertNoSidewaysScroll, noBrowser, openTab, startBrowser } from "./browser.ts";

const portrait = await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
  .resize(256)
  .jpeg()
  .toBuffer();

const folderAlone =
  '<?xml version="1.0"?><multistatus xmlns="DAV:"><response><href>/</href><propstat><prop><resourcetype><collection/>' +
  "</resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>";
/** Longer than a store may take before its route rests. */
const silenceMs = 5_500;

describe("the page's folder view", { skip: noBrowser }, () => {
  let dataDir: string;
  let veil: Program;
  let browser: Browser;
  let far: StandIn;
  let shares: Awaited<ReturnType<typeof temporaryFolder>>;
  const at = (path: string) => join(shares.path, path);
  const output = (name: string) => join(dataDir, "output_anonymous", name);

  before(async () => {
    dataDir = await temporaryDataDir();
    shares = await temporaryFolder();
    for (const name of ["ward", "ward-masked", "outward", "scanner", "scanner-masked", "scanned"])
      await mkdir(at(name));
    // Its folder is there, and whoever writes to it waits.
    far = await startStandIn((request, response) => {
      request.resume();
      if (request.url === "/-") return void response.writeHead(404).end();
      if (request.url === "/") return void response.writeHead(207).end(folderAlone);
      setTimeout(() => response.destroy(), silenceMs);
      return undefined;
    });
    const settings = {
      stores: { far: { kind: "webdav", url: far.url } },
      folder: { settleMs: 100, incompleteMs: 500, reconcileMs: 1000 },
      // With such a score the flat mask itself passes for a head, so the second look is sure to see one more.
      policy: { profile: "fast", style: "solid", minScore: 0.1, verify: "hold" },
      routes: {
        ward: { from: at("ward"), to: at("ward-masked"), policy: { verify: "off" } },
        outward: { from: at("outward"), to: "store:far", policy: { verify: "off" } },
        scanner: {
          ...{ from: at("scanner"), to: at("scanner-masked"), doneFile: "*.done" },
          ...{ originals: "move", movedTo: at("scanned"), policy: { verify: "off" } },
        },
      },
    };
    await writeFile(join(dataDir, "veil.yaml"), stringify(settings));
    veil = await startProgram({ dataDir });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await veil?.[Symbol.asyncDispose]();
    await far?.[Symbol.asyncDispose]();
    await shares?.[Symbol.asyncDispose]();
    if (dataDir) await rm(dataDir, { recursive: true, force: true });
  });

  const open = () => openTab(browser, `${veil.address}/#/folder`);
  const row = (page: Page, name: string) => page.getByRole("row").filter({ hasText: name });
  const card = (page: Page, name: string) => page.getByRole("listitem", { name: `Route ${name}` });
  const approve = (page: Page, name: string) => row(page, name).getByRole("button", { name: /^Mask all/ });
  const reject = (page: Page, name: string) => row(page, name).getByRole("button", { name: /^Reject/ });

  /** A new photo that waits for a person. */
  async function hold(page: Page, name: string): Promise<void> {
    await writeFile(join(dataDir, "input_photos", name), portrait);
    await row(page, name).getByText("To review", { exact: true }).waitFor({ timeout: 30_000 });
    await assert.rejects(access(output(name)), { code: "ENOENT" });
  }

  // Each has a route of its own, and they wait for the same clocks.
  describe("of routes at work", { concurrency: true }, () => {
    test("a held photo is masked once a person says so, and whoever comes second hears what was decided", async () => {
      await using tab = await open();
      await using stale = await open();
      await hold(tab.page, "first.jpg");
      await approve(stale.page, "first.jpg").waitFor();
      // It hears nothing of what happens elsewhere.
      await stale.page.route(/\/api\/v1\/jobs\?/, (route) => route.abort());
      await approve(tab.page, "first.jpg").click();
      await tab.page.getByText("Approved: it will be masked").waitFor();
      await row(tab.page, "first.jpg").getByText("Done", { exact: true }).waitFor({ timeout: 30_000 });
      const { data } = await sharp(await readFile(output("first.jpg")))
        .extract({ left: 105, top: 50, width: 10, height: 10 })
        .raw()
        .toBuffer({ resolveWithObject: true });
      assert.ok(Math.max(...data) - Math.min(...data) < 40, "the face is not filled with one colour");

      await reject(stale.page, "first.jpg").click();
      await stale.page.getByText("A person has decided this already: Approved").waitFor();
      assert.ok((await readdir(join(dataDir, "output_anonymous"))).includes("first.jpg"));
      await stale.page.unroute(/\/api\/v1\/jobs\?/);
      await row(stale.page, "first.jpg").getByText("Done", { exact: true }).waitFor();
      assert.equal(await reject(stale.page, "first.jpg").count(), 0);
    });

    test("a rejected photo gets no output, and can't be approved elsewhere afterwards", async () => {
      await using tab = await open();
      await using stale = await open();
      await hold(tab.page, "second.jpg");
      await approve(stale.page, "second.jpg").waitFor();
      await stale.page.route(/\/api\/v1\/jobs\?/, (route) => route.abort());
      await tab.page.setViewportSize({ width: 400, height: 850 });
      const { x, width } = (await reject(tab.page, "second.jpg").boundingBox())!;
      assert.ok(x + width < 390, "the button is cut off on a phone");
      await reject(tab.page, "second.jpg").click();
      await tab.page.getByText("Rejected: no result is written").waitFor();
      await row(tab.page, "second.jpg").getByText("Rejected", { exact: true }).waitFor();
      await approve(stale.page, "second.jpg").click();
      await stale.page.getByText("A person has decided this already: Rejected").waitFor();
      assert.equal(await approve(tab.page, "second.jpg").count(), 0);
      await assert.rejects(access(output("second.jpg")), { code: "ENOENT" });
      assert.deepEqual(await readFile(join(dataDir, "input_photos", "second.jpg")), portrait);
    });

    test("a route whose input is taken away is shown as broken, with why and since when, and works again once it is back", async () => {
      await using tab = await open();
      const { page } = tab;
      const ward = card(page, "ward");
      await ward.getByText("Works", { exact: true }).waitFor();
      await rename(at("ward"), at("away"));
      await ward.getByText("Broken", { exact: true }).waitFor({ timeout: 20_000 });
      await ward.getByText(`The folder ${at("ward")} cannot be reached: ENOENT`).waitFor();
      await ward.getByText("Mount it or make it again").waitFor();
      await ward.getByText(/^Since .*\d{4}.* \(.*ago\)|^Since .*\(now\)/).waitFor();
      await page.getByRole("link", { name: /Folder.*1 route is broken/ }).waitFor();
      assert.match(
        (await page
          .getByRole("listitem", { name: /^Route / })
          .first()
          .textContent()) ?? "",
        /^ward/,
      );
      await card(page, "scanner").getByText("Works", { exact: true }).waitFor();
      for (const [width, colorScheme] of [
        [1440, "light"],
        [400, "dark"],
      ] as const) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor();
        await assertNoSidewaysScroll(page, `${width} px`);
        await assertAccessible(page, `${width} px, ${colorScheme}`);
      }
      await rename(at("away"), at("ward"));
      await ward.getByText("Works", { exact: true }).waitFor({ timeout: 20_000 });
      await ward.getByText("cannot be reached").waitFor({ state: "detached" });
      assert.equal(await page.getByText("1 route is broken").count(), 0);
    });

    test("a route whose store keeps its photos waiting is shown as resting, with why and until when", async () => {
      await using tab = await open();
      const { page } = tab;
      const outward = card(page, "outward");
      await outward.getByText("Works", { exact: true }).waitFor();
      await writeFile(at("outward/one.jpg"), portrait);
      await outward.getByText("Resting", { exact: true }).waitFor({ timeout: 30_000 });
      await outward
        .getByText(/^Cannot write one\.jpg to outward-output: 127\.0\.0\.1:\d+ broke the connection/)
        .waitFor();
      await outward.getByText(/^One of them tries again at \w{3} \d+, \d{4}, \d/).waitFor();
      assert.equal(await outward.getByText("Works", { exact: true }).count(), 0);
      assert.equal(await outward.getByText("Broken", { exact: true }).count(), 0);
      await page.setViewportSize({ width: 400, height: 900 });
      await assertNoSidewaysScroll(page, "400 px");
      await assertAccessible(page, "resting, 400 px");
    });

    test("a route is paused and resumed, says how many wait, what it passes over and why, and shows its photos on request", async () => {
      await using tab = await open();
      const { page } = tab;
      const scanner = card(page, "scanner");
      await scanner.getByText("Originals are moved away once they are masked").waitFor();
      await scanner.getByRole("button", { name: "Pause scanner" }).click();
      await scanner.getByText("Paused", { exact: true }).waitFor();
      await scanner.getByRole("button", { name: "Show the photos of scanner" }).click();
      await page.getByRole("heading", { name: "Photos of route scanner" }).waitFor();
      await writeFile(at("scanner/one.jpg"), portrait);
      await writeFile(at("scanner/one.jpg.done"), "");
      await writeFile(at("scanner/two.jpg"), portrait);
      await row(page, "one.jpg").getByText("Waiting", { exact: true }).waitFor({ timeout: 20_000 });
      await scanner.getByText("1 photo still to do").waitFor({ timeout: 20_000 });
      await scanner.getByText('"two.jpg" is waited for: "two.jpg.done" is not there yet').waitFor({ timeout: 20_000 });
      await scanner.getByRole("button", { name: "Resume scanner" }).click();
      await row(page, "one.jpg").getByText("Done", { exact: true }).waitFor({ timeout: 20_000 });
      await scanner.getByText("Works", { exact: true }).waitFor();
      assert.deepEqual(await readdir(at("scanner-masked")), ["one.jpg"]);
    });
  });

  test("where everything is paused, all of it is resumed at once", async () => {
    const paused = await fetch(`${veil.address}/api/v1/jobs/pause`, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    assert.equal(paused.status, 200);
    await using tab = await open();
    const { page } = tab;
    await page.getByText("All routes are paused").waitFor();
    assert.equal(await page.getByRole("button", { name: /^(Pause|Resume) (folder|ward|outward|scanner)$/ }).count(), 0);
    await page.getByRole("button", { name: "Resume all" }).click();
    await page.getByText("All routes are paused").waitFor({ state: "detached" });
    await until(
      "each route can be paused again",
      async () => {
        return (await page.getByRole("button", { name: /^Pause / }).count()) === 4;
      },
      5000,
    );
  });
});
