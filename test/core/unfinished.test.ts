import assert from "node:assert/strict";
import { it } from "node:test";
import { unfinishedKind } from "../../src/core/unfinished.ts";

it("a file that another program still writes is known by its name, and a photo's name says nothing", () => {
  const unfinished = {
    "a.jpg.part": "unfinished file (.part)",
    "day 1/IMG.jpg.crdownload": "unfinished file (.crdownload)",
    ".photo.jpg.swp": "unfinished file (.swp)",
    "x.TMP": "unfinished file (.tmp)",
    "a.jpg.filepart": "unfinished file (.filepart)",
    ".goutputstream-Z8K3M2": "unfinished file (GNOME)",
    ".IMG_1.jpg.Ab12Cd": "unfinished file (rsync)",
  };
  for (const [name, kind] of Object.entries(unfinished)) assert.equal(unfinishedKind(name), kind, name);
  const finished = ["a.jpg", "part.jpg", "a.part.jpg", "tmp/a.jpg", "x.part/a.jpg", ".hidden.jpg", "a.jpg~", "backup"];
  for (const name of finished) assert.equal(unfinishedKind(name), undefined, name);
});
