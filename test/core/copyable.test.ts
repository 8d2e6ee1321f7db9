import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { copyTypeOf, maxCopyBytes, maySend } from "../../src/core/copyable.ts";

const of = (text: string) => copyTypeOf(Buffer.from(text));
const portrait = readFileSync(new URL("../fixtures/astronaut.png", import.meta.url));

describe("what may be passed on as it is", () => {
  test("is text, CSV and JSON, by their content", () => {
    assert.equal(of("Sehr geehrte Frau 王,\n\tguten Tag.\n"), "text");
    assert.equal(of('name,"room, old",date\nA,"1, b",x\n'), "csv");
    assert.equal(of("a;b\r\n1;2\r\n"), "csv");
    assert.equal(of('{"a": [1, "ü"]}'), "json");
    assert.equal(of("{ not json"), "text");
    assert.equal(of("one, two\nthree"), "text");
  });

  test("is never what could hold a picture, whatever it is dressed in", () => {
    const base64 = portrait.subarray(0, 3000).toString("base64");
    const wrapped = base64.replace(/.{76}/g, "$&\r\n");
    const refused: Record<string, string | Buffer> = {
      "an image": portrait,
      "an empty file": "",
      PDF: "%PDF-1.7\ntext",
      "text with PDF in it": "hello\n%PDF-1.7\n",
      ZIP: Buffer.from("PK\x03\x04 and text"),
      SVG: "<svg xmlns='http://www.w3.org/2000/svg'/>",
      "SVG behind words": `words\n<SVG>`,
      HTML: "<!doctype html><p>hi",
      XML: "<?xml version='1.0'?><a/>",
      PostScript: "%!PS-Adobe-3.0\nshowpage\n",
      RTF: "{\\rtf1 hello}",
      PNM: "P3\n2 2 255\n0 0 0 1 1 1 2 2 2 3 3 3\n",
      XBM: "#define face_width 16\n#define face_height 16\n",
      XPM: "/* XPM */\nstatic char *face[] = {",
      uuencode: "begin 644 face.jpg\nM_]C_\n`\nend\n",
      mail: "MIME-Version: 1.0\n\nhello\n",
      "a data URL": '{"picture": "data:image/png;base64,iVBORw0KGgo="}',
      "base64 in JSON": JSON.stringify({ picture: base64 }),
      "base64 in lines": wrapped,
      "base64 in indented lines": wrapped.replaceAll("\r\n", "\r\n    "),
      "base64 in a list of JSON": JSON.stringify(wrapped.split("\r\n")),
      "a photograph in LDIF": `dn: cn=a\njpegPhoto:: ${base64.slice(0, 60)}\n`,
      "a photograph in LDIF, folded": `dn: cn=a\nx: ${base64.replace(/.{76}/g, "$&\n ")}\n`,
      "a Buffer in JSON": JSON.stringify({ photo: portrait.subarray(0, 3000) }),
      "hexadecimal, byte by byte": portrait.subarray(0, 3000).toString("hex").replace(/../g, "$& "),
      "hexadecimal in C": [...portrait.subarray(0, 3000)].map((byte) => `0x${byte.toString(16)}`).join(", "),
      "a binary string": JSON.stringify(portrait.subarray(0, 3000).toString("latin1")),
      "base64 in lines in JSON": JSON.stringify({ picture: wrapped }),
      "a NUL": "text\0text",
      "latin-1": Buffer.from("caf\xe9", "latin1"),
      "too much": Buffer.alloc(maxCopyBytes + 1, "a b "),
    };
    for (const [name, content] of Object.entries(refused)) {
      assert.equal(copyTypeOf(Buffer.from(content)), undefined, name);
    }
  });

  test("a listed kind takes in the narrower ones, never a wider one", () => {
    assert.equal(maySend(["text"], "csv"), true);
    assert.equal(maySend(["csv"], "csv"), true);
    assert.equal(maySend(["csv"], "text"), false);
    assert.equal(maySend(["csv"], "json"), false);
    assert.equal(maySend([], "text"), false);
  });
});
