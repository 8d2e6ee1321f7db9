import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { ellipseOf, inside } from "../../src/core/ellipse.ts";
import { type Program, startProgram, until } from "../e2e/program.ts";
import { detailCorrelation, meanDifference, pixelsOf } from "../fixtures/pixels.ts";
import { assertAccessible, assertNoSidewaysScroll, noBrowser, openTab, startBrowser } from "./browser.ts";
import {
  choice,
  choose,
  download,
  drag,
  type GivenFile,
  given,
  handOver,
  masked,
  masksAgain,
  regionRows,
} from "./desk.ts";

const portraitPath = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
/** In the portrait: the face as the detector outlines it, and the mission patch on the sleeve, full of detail. */
const face = { x: 175, y: 55, width: 97, height: 124 };
const patch = { x: 135, y: 385, width: 70, height: 75 };
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true };

describe("the page", { skip: noBrowser }, () => {
  let veil: Program;
  let browser: Browser;
  let portrait: GivenFile;

  before(async () => {
    const page = new URL("../../web/dist/index.html", import.meta.url);
    assert.ok(existsSync(page), "Expected web/dist, which npm test builds (npx vite build web)");
    portrait = await given(portraitPath);
    veil = await startProgram({ flags: ["--set", "folder.incompleteMs=500", "--set", "policy.minScore=0.8"] });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await veil?.[Symbol.asyncDispose]();
  });

  test("photos that are chosen, dropped and pasted are masked, and the face's detail is gone from the download", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    await page.getByText("Photos that you drop here never leave this machine.").waitFor();
    await handOver(page, "drop", { ...portrait, name: "dropped.png" });
    await masked(page, 1);
    await choose(page, [portrait, { ...portrait, name: "second.png" }]);
    await handOver(page, "paste", { ...portrait, name: "pasted.png" });
    await masked(page, 4);
    for (const name of ["dropped", "astronaut", "second", "pasted"]) {
      await page.getByRole("button", { name: `${name}.png: 1 face` }).waitFor();
    }
    await page.getByText("Found · score").waitFor();
    const { name, bytes } = await download(page);
    assert.equal(name, "pasted-masked.png");
    const [original, result] = [await pixelsOf(portraitPath), await pixelsOf(bytes)];
    assert.ok(Math.abs(detailCorrelation(original, result, face)) < 0.1, "detail of the face survived");
    const reach = ellipseOf(face, "maximum");
    assert.ok(meanDifference(original, result, (x, y) => !inside(reach, x, y)) < 2, "more than the face changed");
  });

  test("a photo dropped beside the desk, on the folder view, is masked instead of opened by the browser", async () => {
    await using tab = await openTab(browser, `${veil.address}/#/folder`);
    await handOver(tab.page, "drop", portrait);
    await masked(tab.page, 1);
    assert.match(tab.page.url(), /#\/$/);
  });

  test("the divide between before and after moves by arrow keys", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    await choose(page, [portrait]);
    await masked(page, 1);
    const slider = page.getByRole("slider");
    const place = async () => (await slider.boundingBox())!.x;
    const start = await place();
    await slider.focus();
    await page.keyboard.press("ArrowLeft");
    await until("the divide is further left", async () => (await place()) < start - 5, 5000);
  });

  test("another style masks every photo again, and the choice is remembered", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    await choose(page, [portrait]);
    await masked(page, 1);
    const soft = await pixelsOf((await download(page)).bytes);
    await masksAgain(page, () => choice(page, "Solid").click());
    const solid = await pixelsOf((await download(page)).bytes);
    assert.ok(meanDifference(soft, solid, (x, y) => inside(ellipseOf(face, "standard"), x, y)) > 20);
    const middle = (x: number, y: number) => x > 200 && x < 250 && y > 80 && y < 150;
    assert.equal(meanDifference(solid, { ...solid, data: solid.data.subarray(3) }, middle), 0, "one colour");
    await page.reload();
    assert.equal(await page.getByRole("radio", { name: "Solid" }).isChecked(), true);
  });

  test("a region that is drawn is masked, one that is removed by key is not, and both can be taken back", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    const original = await pixelsOf(portraitPath);
    const detailIn = async (box: typeof face) =>
      detailCorrelation(original, await pixelsOf((await download(page)).bytes), box);
    await choose(page, [portrait]);
    await masked(page, 1);
    assert.ok((await detailIn(patch)) > 0.95, "the patch is not masked at first");

    await choice(page, "Edit regions").click();
    const { x, y, width, height } = patch;
    await masksAgain(page, () => drag(page, original.width, [x, y], [x + width, y + height]));
    assert.equal(await regionRows(page).count(), 2);
    assert.ok(Math.abs(await detailIn(patch)) < 0.1, "the drawn region is masked");
    assert.ok(Math.abs(await detailIn(face)) < 0.1, "the face stays masked");

    await regionRows(page)
      .nth(0)
      .getByRole("button", { name: /^Region 1/ })
      .focus();
    await masksAgain(page, () => page.keyboard.press("Delete"));
    assert.equal(await regionRows(page).count(), 1);
    assert.ok((await detailIn(face)) > 0.95, "the removed region is not masked any more");
    assert.ok(Math.abs(await detailIn(patch)) < 0.1, "the drawn region stays masked");

    await masksAgain(page, () => page.keyboard.press("Control+z"));
    assert.ok(Math.abs(await detailIn(face)) < 0.1, "the face is masked again after undo");
    await masksAgain(page, () => page.getByRole("button", { name: "Undo my changes" }).click());
    assert.ok((await detailIn(patch)) > 0.95);
  });

  test("a region that was just drawn is selected: Delete takes it away again, and the next drag draws another", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    await choose(page, [portrait]);
    await masked(page, 1);
    await choice(page, "Edit regions").click();
    const { x, y, width, height } = patch;
    await masksAgain(page, () => drag(page, 512, [x, y], [x + width, y + height]));
    assert.equal(await regionRows(page).nth(1).getByRole("button").first().getAttribute("aria-pressed"), "true");
    await masksAgain(page, () => page.keyboard.press("Delete"));
    assert.equal(await regionRows(page).count(), 1);
    await masksAgain(page, () => drag(page, 512, [x, y], [x + width, y + height]));
    await masksAgain(page, () => drag(page, 512, [350, 350], [420, 430]));
    assert.equal(await regionRows(page).count(), 3);
    await masksAgain(page, () => page.keyboard.press("Backspace"));
    assert.equal(await regionRows(page).count(), 2);
    assert.equal(await page.getByText("Drawn by you").count(), 1);
  });

  test("regions are edited over their masks, or over the original where a person wants to see it", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    const original = await pixelsOf(portraitPath);
    await choose(page, [portrait]);
    await masked(page, 1);
    await choice(page, "Edit regions").click();
    const layer = page.locator(".a9s-annotationlayer");
    await layer.waitFor();
    const detailSeen = async () => {
      // Without the boxes, which would be detail too.
      await page.addStyleTag({ content: ".a9s-annotationlayer { opacity: 0 }" });
      const shot = await sharp(await layer.screenshot())
        .resize(512, 512, { fit: "fill" })
        .png()
        .toBuffer();
      return detailCorrelation(original, await pixelsOf(shot), face);
    };
    assert.ok((await detailSeen()) < 0.3, "the face is masked below its box");
    await page.getByRole("switch", { name: "Show the masks" }).click();
    await until("the original is shown", async () => (await detailSeen()) > 0.7, 5000);
  });

  test("a region can be added, moved and resized without a pointer, and drawn ones outlive another search", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    const original = await pixelsOf(portraitPath);
    await choose(page, [portrait]);
    await masked(page, 1);
    await masksAgain(page, async () => {
      await page.getByRole("button", { name: "Add a region" }).press("Enter");
      // From the middle (256, 256) to the patch on the sleeve, a hundredth of the picture a time.
      for (let step = 0; step < 17; step++) await page.keyboard.press("ArrowLeft");
      for (let step = 0; step < 32; step++) await page.keyboard.press("ArrowDown");
      for (let step = 0; step < 2; step++) await page.keyboard.press("Shift+ArrowRight");
    });
    const patchDetail = async () => detailCorrelation(original, await pixelsOf((await download(page)).bytes), patch);
    assert.ok((await patchDetail()) < 0.5, "the patch is mostly covered");
    await masksAgain(page, () => choice(page, "Thorough").click());
    assert.equal(await page.getByText("Drawn by you").count(), 1);
    assert.ok((await patchDetail()) < 0.5, "still covered after another search");
  });

  test("everything is downloaded as one archive, equal names numbered", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    await choose(page, [
      portrait,
      portrait,
      { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no photo") },
    ]);
    await masked(page, 2, 3);
    await page.getByText("1 not masked").waitFor();
    const { name, bytes } = await download(page, page.getByRole("button", { name: "Download all (zip)" }));
    assert.equal(name, "veil.zip");
    // The end record counts the entries.
    assert.equal(bytes.readUInt16LE(bytes.length - 22 + 10), 3);
    const entries = ["astronaut-masked.png", "astronaut-masked (2).png", "not-masked.txt"];
    for (const entry of entries) assert.ok(bytes.includes(entry), entry);
    await page.getByText("1 photo that is not masked is left out of the zip").waitFor();
    // Texts are stored as they are.
    assert.ok(bytes.includes("notes.txt: The file is not an image. Expected a picture but received: text"));
  });

  test("at most two photos are with the server at a time", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    let now = 0;
    let most = 0;
    const isUpload = (request: { url(): string }) => request.url().includes("/anonymize");
    page.on("request", (request) => {
      if (isUpload(request)) most = Math.max(most, ++now);
    });
    page.on("requestfinished", (request) => {
      if (isUpload(request)) now--;
    });
    await choose(
      page,
      Array.from({ length: 6 }, (_, index) => ({ ...portrait, name: `${index}.png` })),
    );
    await masked(page, 6);
    assert.equal(most, 2);
  });

  test("what fails says why, a photo without faces asks for a look, and TIFF is shown as a preview", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    const plain = await sharp({ create: { width: 300, height: 200, channels: 3, background: "#68a" } })
      .png()
      .toBuffer();
    const tiff = await sharp(portraitPath).tiff().toBuffer();
    await choose(page, [
      { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no photo at all") },
      { name: "sky.png", mimeType: "image/png", buffer: plain },
      { name: "scan.tiff", mimeType: "image/tiff", buffer: tiff },
    ]);
    await masked(page, 2, 3);
    await page.getByText("The file is not an image").waitFor();
    await page.getByText("Expected a picture but received: text").waitFor();
    await page.getByRole("button", { name: "sky.png: 0 faces" }).click();
    await page.getByText("No face found. Look yourself").waitFor();
    await page.getByRole("button", { name: "scan.tiff: 1 face" }).click();
    await page.getByText("Your browser cannot show TIFF, so this is a preview").waitFor();
    const shownFace = async (name: string) => {
      const bytes = (await page.evaluate(`(() => {
        const canvas = new OffscreenCanvas(512, 512);
        canvas.getContext("2d").drawImage(document.querySelector('img[alt="${name}"]'), 0, 0, 512, 512);
        return canvas.convertToBlob().then((blob) => blob.arrayBuffer()).then((bytes) => [...new Uint8Array(bytes)]);
      })()`)) as number[];
      return detailCorrelation(await pixelsOf(portraitPath), await pixelsOf(Buffer.from(bytes)), face);
    };
    assert.ok((await shownFace("Original: scan.tiff")) > 0.9);
    assert.ok(Math.abs(await shownFace("Masked: scan.tiff")) < 0.1);
    const { name, bytes } = await download(page);
    assert.equal(name, "scan-masked.tiff");
    assert.ok(Math.abs(detailCorrelation(await pixelsOf(portraitPath), await pixelsOf(bytes), face)) < 0.1);
  });

  test("regions of a picture that is shown smaller than it is lie where they were drawn", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    const large = await sharp(portraitPath).resize(2560).tiff({ compression: "jpeg" }).toBuffer();
    const original = await pixelsOf(portraitPath);
    await choose(page, [{ name: "large.tiff", mimeType: "image/tiff", buffer: large }]);
    await masked(page, 1);
    await choice(page, "Edit regions").click();
    const { x, y, width, height } = patch;
    await masksAgain(page, () => drag(page, 512, [x, y], [x + width, y + height]));
    const small = await sharp((await download(page)).bytes)
      .resize(512)
      .png()
      .toBuffer();
    assert.ok(Math.abs(detailCorrelation(original, await pixelsOf(small), patch)) < 0.15, "the drawn region is masked");
    assert.ok(Math.abs(detailCorrelation(original, await pixelsOf(small), face)) < 0.15, "the face stays masked");
  });

  test("an original is let go of when its photo is removed", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    await choose(page, [portrait]);
    await masked(page, 1);
    const url = await page.getByAltText("Original: astronaut.png").getAttribute("src");
    const opens = () =>
      page.evaluate(
        `{ const image = new Image(); image.src = "${url}"; image.decode().then(() => true, () => false) }`,
      );
    assert.equal(await opens(), true);
    await page.getByRole("button", { name: "Remove this photo" }).click();
    await page.getByRole("heading", { name: "Drop photos." }).waitFor();
    assert.equal(await opens(), false);
  });

  test("the browser chooses the language, a person changes it, and the change is remembered", async () => {
    await using tab = await openTab(browser, veil.address, { locale: "zh-CN" });
    const { page } = tab;
    assert.equal(await page.title(), "veil · AI 人脸隐私卫士");
    await page.getByRole("heading", { name: "放入照片，人脸自动打码" }).waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
    await page.getByRole("button", { name: "Switch to English" }).click();
    await page.getByRole("heading", { name: "Drop photos. Faces disappear." }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Drop photos. Faces disappear." }).waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
  });

  test("the folder view shows what became of each dropped file, and a failed one can be tried again", async () => {
    await using tab = await openTab(browser, `${veil.address}/#/folder`);
    const { page } = tab;
    const input = join(veil.dataDir, "input_photos");
    await page.getByText(input).waitFor();
    await writeFile(join(input, "dropped.png"), portrait.buffer);
    await writeFile(join(input, "letter.txt"), "Dear Sir,\n");
    await writeFile(join(input, "cut.png"), portrait.buffer.subarray(0, 100_000));
    const row = (name: string) => page.getByRole("row").filter({ hasText: name });
    await row("dropped.png").getByText("Done").waitFor({ timeout: 30_000 });
    await row("letter.txt").getByText("Not a photo: text").waitFor({ timeout: 30_000 });
    await row("cut.png").getByText("The picture is damaged or incomplete").waitFor({ timeout: 30_000 });
    await page.getByText("Skipped because they are not photos:").getByText("text").waitFor();

    await row("dropped.png").getByRole("button", { name: "Show result" }).click();
    await page.getByAltText("Masked: dropped.png").waitFor();
    await page.keyboard.press("Escape");
    await row("cut.png").getByRole("button", { name: "Try again" }).click();
    await page.getByText("Sent back to be tried again").waitFor();
    await row("cut.png").getByText("Sent back").waitFor();

    await page.getByRole("button", { name: /Done$/ }).click();
    await until("only finished jobs are listed", async () => (await page.getByRole("row").count()) === 2, 5000);
    assert.match((await page.getByRole("contentinfo").textContent()) ?? "", /mediapipe-full-range[\s\S]*Version \d/);
  });

  test("a program that is gone is noticed, and so is its return", async () => {
    await using tab = await openTab(browser, veil.address);
    const { page } = tab;
    await page.route("**/api/v1/**", (route) => route.abort());
    await page.reload();
    await page.getByText("veil does not answer").waitFor({ timeout: 15_000 });
    await page.unroute("**/api/v1/**");
    await page.getByText("veil does not answer").waitFor({ state: "detached", timeout: 15_000 });
  });

  for (const [size, options] of Object.entries({ desktop: {}, phone })) {
    test(`there is no barrier that axe would call serious, in light and in dark, on a ${size}`, async () => {
      await using tab = await openTab(browser, veil.address, options);
      const { page } = tab;
      const check = async (where: string) => {
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor();
          await assertAccessible(page, `${where}, ${colorScheme}`);
        }
        await assertNoSidewaysScroll(page, where);
      };
      await check("the empty desk");
      const tiff = await sharp(portraitPath).tiff().toBuffer();
      await choose(page, [
        portrait,
        { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no photo") },
        { name: "scan.tiff", mimeType: "image/tiff", buffer: tiff },
      ]);
      await masked(page, 2, 3);
      await check("before and after");
      await choice(page, "Edit regions").click();
      await page.locator(".a9s-annotationlayer").waitFor();
      await check("editing regions");
      await page.getByRole("button", { name: /^notes.txt/ }).click();
      await check("a problem");
      await page.getByRole("link", { name: "Folder" }).click();
      await page.getByText("Live").waitFor();
      await check("the folder");
    });
  }
});
