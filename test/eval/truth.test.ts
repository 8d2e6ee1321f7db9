import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Problem } from "../../src/errors.ts";
import { choose, halves } from "../../src/eval/choose.ts";
import { parseTruth, readTruth } from "../../src/eval/read-truth.ts";

const wider = `0--Parade/0_Parade_1.jpg
2
10 20 30 40 0 0 0 0 1 0
1 2 5 6 2 0 1 1 2 1
12--Group/empty.jpg
0
0 0 0 0 0 0 0 0 0 0
12--Group/last.jpg
1
5 5 9 9 1 1 0 0 0 1
`;

describe("what a truth says", () => {
  test("veil's own lines: a face that is invalid or to be ignored does not count", () => {
    const faces = [
      { x: 1, y: 2, w: 30, h: 40, blur: 2, occlusion: null, pose: 1, wider: "medium", label: "with_mask" },
      { x: 1, y: 2, w: 3, h: 4, invalid: 1 },
      { x: 1, y: 2, w: 3, h: 4, wider: "ignore" },
      { x: 1, y: 2, w: 0, h: 4 },
    ];
    const line = { file: "a.jpg", set: "S", category: "c", width: 100, height: 90, tags: ["children"], faces };
    const { pictures, faults } = parseTruth(`${JSON.stringify(line)}\n`, "truth.jsonl");
    assert.deepEqual(faults, []);
    const [picture] = pictures;
    assert.deepEqual(
      picture!.faces.map(({ counts }) => counts),
      [true, false, false, false],
    );
    assert.deepEqual(picture!.faces[0], {
      ...{ box: { x: 1, y: 2, width: 30, height: 40 }, counts: true },
      ...{ blur: "heavy", pose: "atypical", level: "medium", label: "with_mask" },
    });
    assert.deepEqual([picture!.set, picture!.category, picture!.tags, picture!.width], ["S", "c", ["children"], 100]);
  });

  test("lines that name files alone are pictures without faces", () => {
    const { pictures, faults } = parseTruth('{"file":"a.png","source":"x"}\n{"file":"b.png"}\n', "index.jsonl");
    assert.deepEqual(faults, []);
    assert.deepEqual(
      pictures.map(({ file, set, faces }) => [file, set, faces.length]),
      [
        ["a.png", "no faces", 0],
        ["b.png", "no faces", 0],
      ],
    );
  });

  test("WIDER FACE's text, with the line of zeros after a picture without faces", () => {
    const { pictures, faults } = parseTruth(wider, "wider_face_val_bbx_gt.txt");
    assert.deepEqual(faults, []);
    assert.deepEqual(
      pictures.map(({ file, faces, category }) => [file, faces.length, category]),
      [
        ["0--Parade/0_Parade_1.jpg", 2, "0--Parade"],
        ["12--Group/empty.jpg", 0, "12--Group"],
        ["12--Group/last.jpg", 1, "12--Group"],
      ],
    );
    const [first, second] = pictures[0]!.faces;
    assert.deepEqual(first!.box, { x: 10, y: 20, width: 30, height: 40 });
    assert.deepEqual([first!.counts, first!.occlusion, first!.blur], [true, "partial", "clear"]);
    assert.deepEqual([second!.counts, second!.illumination, second!.pose], [false, "extreme", "atypical"]);
    assert.equal(pictures[0]!.set, "wider_face_val_bbx_gt");
  });

  test("COCO's JSON: crowds do not count, other categories than faces are left out and told", () => {
    const coco = {
      images: [
        { id: 1, file_name: "a.jpg", width: 50, height: 60 },
        { id: 2, file_name: "b.jpg" },
      ],
      annotations: [
        { image_id: 1, bbox: [1, 2, 3, 4], category_id: 1 },
        { image_id: 1, bbox: [5, 6, 7, 8], category_id: 1, iscrowd: 1 },
        { image_id: 1, bbox: [5, 6, 7, 8], category_id: 2 },
      ],
      categories: [
        { id: 1, name: "human face" },
        { id: 2, name: "bicycle" },
      ],
    };
    const { pictures, faults, notes } = parseTruth(JSON.stringify(coco, null, 2), "instances.json");
    assert.deepEqual(faults, []);
    assert.deepEqual(
      pictures[0]!.faces.map(({ box, counts }) => [box.x, box.height, counts]),
      [
        [1, 4, true],
        [5, 8, false],
      ],
    );
    assert.deepEqual([pictures[1]!.faces, pictures[0]!.width], [[], 50]);
    assert.match(notes.join(), /1 annotations of other categories/);
  });
});

describe("what is wrong with a truth", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "veil-truth-"));
    await mkdir(join(folder, "in"));
    await writeFile(join(folder, "a.jpg"), "");
    await writeFile(join(folder, "in", "b.jpg"), "");
  });
  after(() => rm(folder, { recursive: true }));

  test("lines: each fault with its line, its field and what was expected", () => {
    const text = [
      '{"file":"a.jpg","faces":[{"x":1,"y":2,"h":3},{"x":"1","y":2,"w":3,"h":-1}]}',
      "{not json",
      '{"faces":[]}',
      '{"file":"b.jpg"}',
      '{"file":"c.jpg","faces":[{"x":1,"y":1,"w":1,"h":1,"blur":7,"wider":"simple"}]}',
    ].join("\n");
    const { faults } = parseTruth(text, "t.jsonl");
    const expected = [
      /^t\.jsonl:1: faces\.0\.w: expected number/,
      /^t\.jsonl:1: faces\.1\.x: expected number, received string/,
      /^t\.jsonl:1: faces\.1\.h: .*>=0/,
      /^t\.jsonl:2: expected a JSON object/,
      /^t\.jsonl:3: file: expected string/,
      /^t\.jsonl:5: faces\.0\.blur: /,
      /^t\.jsonl:5: faces\.0\.wider: expected one of/,
      /^t\.jsonl:4: faces: expected a list, \[\]/,
    ];
    assert.equal(faults.length, expected.length, faults.join("\n"));
    for (const [index, pattern] of expected.entries()) assert.match(faults[index]!, pattern);
  });

  test("WIDER's text: a wrong count, a short line, a grade that is none; what follows is still read", () => {
    const text = "a.jpg\n2\n1 2 3 4 0 0 0 0 0 0\nb.jpg\n1\n1 2 3\nc.jpg\n1\n1 2 3 4 9 0 0 0 0 0\nd.jpg\nmany\n";
    const { faults, pictures } = parseTruth(text, "w.txt");
    assert.deepEqual(
      faults.map((fault) => fault.split(": expected")[0]),
      ["w.txt:4", "w.txt:6", "w.txt:9", "w.txt:11"],
    );
    assert.ok(pictures.some(({ file }) => file === "b.jpg"));
  });

  test("COCO's JSON: an annotation of no image", () => {
    const coco = {
      images: [],
      annotations: [
        { image_id: 9, bbox: [1, 2, 3, 4] },
        { image_id: 9, bbox: [1, 2, 3] },
      ],
    };
    assert.match(parseTruth(JSON.stringify(coco), "c.json").faults.join(), /annotations\.1\.bbox/);
    coco.annotations.pop();
    assert.match(parseTruth(JSON.stringify(coco), "c.json").faults.join(), /annotations\.0: there is no image 9/);
  });

  test("something else altogether", () => {
    assert.match(parseTruth("<annotation>", "a.xml").faults.join(), /a\.xml:1: expected JSON lines/);
  });

  test("pictures that are absent, outside or named twice are all told at once, with their lines", async () => {
    const lines = ["a.jpg", "gone.jpg", "../a.jpg", "a.jpg"].map((file) => JSON.stringify({ file, faces: [] }));
    await writeFile(join(folder, "truth.jsonl"), lines.join("\n"));
    await assert.rejects(readTruth([join(folder, "truth.jsonl")], folder), (error: Problem) => {
      assert.ok(error instanceof Problem && error.code === "invalid-request");
      assert.match(error.message, /3 faults/);
      assert.match(error.message, /truth\.jsonl:2: gone\.jpg: there is no such picture/);
      assert.match(error.message, /truth\.jsonl:3: \.\.\/a\.jpg: expected a path below/);
      assert.match(error.message, /truth\.jsonl:4: a\.jpg: it is in truth\.jsonl:1 already/);
      return true;
    });
  });

  test("a picture lies below the folder, or else beside its truth", async () => {
    await writeFile(join(folder, "in", "index.jsonl"), '{"file":"b.jpg"}\n');
    const { pictures, files } = await readTruth([join(folder, "in", "index.jsonl")], folder);
    assert.deepEqual(
      pictures.map(({ path }) => path),
      [join(folder, "in", "b.jpg")],
    );
    assert.match(files[0]!.sha256, /^[0-9a-f]{64}$/);
  });
});

test("the halves are apart, are about as large, and do not change with what is added", () => {
  const pictures = Array.from({ length: 400 }, (_, index) => ({
    ...{ file: `p/${index}.jpg`, where: "", set: index % 4 === 0 ? "A" : "B", tags: [], faces: [] },
  }));
  const [tune, report] = halves.map((half) => choose(pictures, { half })) as [typeof pictures, typeof pictures];
  assert.equal(tune.length + report.length, 400);
  assert.ok(tune.length > 160 && report.length > 160, `${tune.length}`);
  assert.ok(tune.every((picture) => !report.includes(picture)));
  assert.deepEqual(
    choose(pictures.slice(0, 100), { half: "tune" }),
    tune.filter((picture) => pictures.indexOf(picture) < 100),
  );
  const few = choose(pictures, { limit: 40 });
  assert.equal(few.length, 40);
  const ofA = few.filter(({ set }) => set === "A").length;
  assert.ok(ofA >= 3 && ofA <= 20, "a limit takes from everywhere");
  assert.ok(choose(pictures, { sets: ["A"] }).every(({ set }) => set === "A"));
});
