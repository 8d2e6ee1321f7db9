import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { alertsOf } from "../../src/eval/alerts.ts";
import { pageOf } from "../../src/eval/page.ts";
import { assertAccessible, assertNoSidewaysScroll, noBrowser, openTab, startBrowser } from "../web/browser.ts";
import { madeCard, sliceOf } from "./cards.ts";

const evil = '<img src="http://example.com/x.png" onerror=alert(1)>';
const box = { x: 10, y: 10, width: 40, height: 50 };
const card = madeCard(
  "2026-03-22T02:00:00.000Z",
  [
    ...[sliceOf("all", 900, 160), sliceOf("height<8", 100, 90), sliceOf("height=8-16", 200, 50)],
    ...[sliceOf("height>=64", 120, 3), sliceOf("height>=16", 600, 20), sliceOf("height>=32", 400, 9)],
    ...[sliceOf(`set=${evil}`, 900, 160), sliceOf("category=0--Parade", 10, 2)],
  ],
  {
    worst: [{ file: `${evil}.jpg`, set: evil, box, covered: 0.4, maskedUpTo: 0.2 }],
    notMeasured: [{ file: evil, code: "unreadable", message: evil }],
    falseRegions: [{ set: evil, pictures: 3, regions: 2, perPicture: 0.67 }],
  },
);
const kept = ["01", "08", "15"].map((day, index) => {
  const slices = [sliceOf("all", 900, 90 + 20 * index), sliceOf("height>=16", 600, 15)];
  return madeCard(`2026-03-${day}T02:00:00.000Z`, slices);
});

async function page(withPictures: boolean): Promise<string> {
  const jpeg = await sharp({ create: { width: 240, height: 240, channels: 3, background: "#876" } })
    .jpeg()
    .toBuffer();
  const pictures = withPictures ? [{ file: `${evil}.jpg`, box, jpeg }] : [];
  return pageOf({ card, pictures, kept: [...kept, card], alerts: alertsOf(card, kept[0]!) });
}

test("the page warns of the unmasked faces in it, and without pictures has none and no warning", async () => {
  const shown = await page(true);
  assert.match(shown, /This file shows 1 unmasked face\./);
  assert.match(shown, /src="data:image\/jpeg;base64,/);
  const hidden = await page(false);
  assert.doesNotMatch(hidden, /data:image|unmasked face/);
  assert.match(hidden, /Worse than the accepted baseline/);
});

test("names from outside stay text", async () => {
  const shown = await page(true);
  assert.ok(!shown.includes('<img src="http') && shown.includes("&lt;img src="));
});

test("a browser shows it alone, readable in light and dark, on a desk and on a telephone", {
  skip: noBrowser,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "veil-page-"));
  const browser = await startBrowser();
  try {
    const file = join(folder, "card.html");
    await writeFile(file, await page(true));
    const address = pathToFileURL(file).href;
    for (const [colorScheme, width] of [
      ["light", 1200],
      ["dark", 390],
    ] as const) {
      const options = { colorScheme, viewport: { width, height: 800 }, bypassCSP: true };
      await using tab = await openTab(browser, address, options);
      const where = `${colorScheme}, ${width} px`;
      await assertAccessible(tab.page, where);
      await assertNoSidewaysScroll(tab.page, where);
      const plots = await tab.page.locator("svg.plot").count();
      assert.equal(plots, 4, "two over the threshold, two over time");
      assert.equal(await tab.page.locator("svg.plot text", { hasText: "NaN" }).count(), 0);
      const scheme = (await tab.page.evaluate("getComputedStyle(document.body).backgroundColor")) as string;
      assert.equal(scheme === "rgb(20, 23, 28)", colorScheme === "dark", scheme);
    }
  } finally {
    await browser.close();
    await rm(folder, { recursive: true });
  }
});
